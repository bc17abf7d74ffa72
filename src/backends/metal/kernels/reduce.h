// SPDX-License-Identifier: Apache-2.0
// Sums and maxima over simdgroups, and over a threadgroup of any number of them: there `partial` holds kMaxSimdgroups
// floats, its last use must be behind a barrier, all threads call, and all get the result.
#pragma once

#include <metal_stdlib>

/// Before a loop over an array that is to live in registers.
#define MARLIN_UNROLL _Pragma("clang loop unroll(full)")

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

/// Adds up pairs of values between lanes that differ in `mask`: the lane that has it keeps the odd ones.
template <uint n_pairs>
METAL_FUNC void fold_pairs(thread float* values, uint lane, uint mask) {
  const bool odd = (lane & mask) != 0;
  MARLIN_UNROLL
  for (uint i = 0; i < n_pairs; ++i) {
    const float other = metal::simd_shuffle_xor(odd ? values[2 * i] : values[2 * i + 1], ushort(mask));
    values[i] = (odd ? values[2 * i + 1] : values[2 * i]) + other;
  }
}

/// The sums over all lanes of n values (2, 4, 8 or 16): lane i gets that of value i % n. All in the same order.
template <uint n>
METAL_FUNC float sum_values(thread float* values, uint lane) {
  uint mask = 1;
  if constexpr (n >= 16) {
    fold_pairs<8>(values, lane, mask);
    mask *= 2;
  }
  if constexpr (n >= 8) {
    fold_pairs<4>(values, lane, mask);
    mask *= 2;
  }
  if constexpr (n >= 4) {
    fold_pairs<2>(values, lane, mask);
    mask *= 2;
  }
  fold_pairs<1>(values, lane, mask);
  float sum = values[0];
  for (mask *= 2; mask < kSimdWidth; mask *= 2) sum += metal::simd_shuffle_xor(sum, ushort(mask));
  return sum;
}

}  // namespace marlin
