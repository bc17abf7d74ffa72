// SPDX-License-Identifier: Apache-2.0
// What shim/lanes.h does, by shuffles of a warp and in the same order of operations, so that results are the same bits.
#pragma once

#include "shim/lane_index.h"

namespace msl {

template <class T>
MSL_INLINE T shuffle(T value, int source) {
  static_assert(is_simd_value_v<T>, "MSL's simdgroup functions take no 64-bit type and no bool");
  constexpr int kWords = (sizeof(T) + 3) / 4;
  int words[kWords] = {};
  __builtin_memcpy(words, &value, sizeof(T));
  for (int i = 0; i < kWords; ++i) words[i] = __nvvm_shfl_sync_idx_i32(kAllLanes, words[i], source, kSimdWidth - 1);
  __builtin_memcpy(&value, words, sizeof(T));
  return value;
}

template <class T>
MSL_INLINE T from_lane(T value, int source, const char* /*operation*/, Site /*site*/) {
  return shuffle(value, source);
}
template <class T>
MSL_INLINE T from_lane_or(T value, int source, T otherwise, const char* /*operation*/, Site /*site*/) {
  const T other = shuffle(value, source);
  return source >= 0 && source < kSimdWidth ? other : otherwise;
}
template <class T>
MSL_INLINE T from_first_lane(T value, Site /*site*/) {
  return shuffle(value, 0);
}

template <class Op, class T>
MSL_INLINE T reduce(T value, const char* /*operation*/, Site /*site*/) {
  const int lane = lane_index();
  for (int d = kSimdWidth / 2; d > 0; d /= 2) {
    const T other = shuffle(value, lane ^ d);
    value = (lane & d) != 0 ? Op::apply(other, value) : Op::apply(value, other);
  }
  return value;
}
template <class Op, class T>
MSL_INLINE T scan(T value, T identity, bool inclusive, const char* /*operation*/, Site /*site*/) {
  const int last = lane_index() + (inclusive ? 1 : 0);
  T result = identity;
  for (int i = 0; i < kSimdWidth; ++i) {
    const T other = shuffle(value, i);
    if (i < last) result = Op::apply(result, other);
  }
  return result;
}

}  // namespace msl
