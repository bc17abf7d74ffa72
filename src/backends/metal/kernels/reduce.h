// SPDX-License-Identifier: Apache-2.0
// Sums and maxima over a threadgroup of any number of simdgroups. `partial` holds kMaxSimdgroups floats; its last use
// must be behind a barrier. All threads call, and all get the result.
#pragma once

#include <metal_stdlib>

namespace marlin {

constant constexpr uint kSimdWidth = 32;
constant constexpr uint kMaxSimdgroups = 32;  // of a threadgroup of 1024 threads

/// Where a thread stands in its threadgroup.
struct ThreadPlace {
  uint thread_index;
  uint n_threads;
  uint lane;
  uint simdgroup;
  uint n_simdgroups;
};

METAL_FUNC float threadgroup_sum(float value, threadgroup float* partial, ThreadPlace place) {
  const float sum = metal::simd_sum(value);
  if (place.lane == 0) partial[place.simdgroup] = sum;
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  return metal::simd_sum(place.lane < place.n_simdgroups ? partial[place.lane] : 0.0f);
}

METAL_FUNC float threadgroup_max(float value, threadgroup float* partial, ThreadPlace place) {
  const float maximum = metal::simd_max(value);
  if (place.lane == 0) partial[place.simdgroup] = maximum;
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  return metal::simd_max(place.lane < place.n_simdgroups ? partial[place.lane] : -INFINITY);
}

}  // namespace marlin
