// SPDX-License-Identifier: Apache-2.0
// Sums and maxima over simdgroups, and over a threadgroup of any number of them: there `partial` holds kMaxSimdgroups
// floats, its last use must be behind a barrier, all threads call, and all get the result.
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

/// The sums over all lanes of n values: lane i gets that of value i % n.
template <uint n>
METAL_FUNC float sum_values(thread float* values, uint lane) {
  uint mask = 1;
  for (uint left = n / 2; left > 0; left /= 2, mask *= 2) {
    for (uint i = 0; i < left; ++i) {
      const bool odd = (lane & mask) != 0;
      const float other = metal::simd_shuffle_xor(odd ? values[2 * i] : values[2 * i + 1], ushort(mask));
      values[i] = (odd ? values[2 * i + 1] : values[2 * i]) + other;
    }
  }
  for (; mask < kSimdWidth; mask *= 2) values[0] += metal::simd_shuffle_xor(values[0], ushort(mask));
  return values[0];
}

}  // namespace marlin
