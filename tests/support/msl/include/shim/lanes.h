// SPDX-License-Identifier: Apache-2.0
// What lanes of a simdgroup tell each other, in the interpreter: under simdgroup.h. ptx/lanes.h is the same for a GPU.
#pragma once

#include "shim/lane_index.h"

namespace msl {

template <class T>
MSL_UNCHECKED T from_lane(T value, int source, const char* operation, Site site) {
  static_assert(is_simd_value_v<T>, "MSL's simdgroup functions take no 64-bit type and no bool");
  const Exchange& lanes = exchange(&value, sizeof(T), operation, false, __builtin_return_address(0), site);
  T result;
  read_lane(lanes, source, &result, sizeof(T), operation, site);
  return result;
}
/// As from_lane, but a lane outside the simdgroup keeps `otherwise`.
template <class T>
MSL_UNCHECKED T from_lane_or(T value, int source, T otherwise, const char* operation, Site site) {
  static_assert(is_simd_value_v<T>, "MSL's simdgroup functions take no 64-bit type and no bool");
  const Exchange& lanes = exchange(&value, sizeof(T), operation, false, __builtin_return_address(0), site);
  T result = otherwise;
  if (source >= 0 && source < kSimdWidth) read_lane(lanes, source, &result, sizeof(T), operation, site);
  return result;
}

template <class Op, class T>
MSL_UNCHECKED T reduce(T value, const char* operation, Site site) {
  static_assert(is_simd_value_v<T>, "MSL's simdgroup functions take no 64-bit type and no bool");
  const Exchange& lanes = exchange(&value, sizeof(T), operation, false, __builtin_return_address(0), site);
  T partial[kSimdWidth];
  bool present[kSimdWidth];
  for (int i = 0; i < kSimdWidth; ++i) {
    present[i] = (lanes.active >> i & 1U) != 0;
    if (present[i]) __builtin_memcpy(&partial[i], lanes.values[i], sizeof(T));
  }
  for (int d = kSimdWidth / 2; d > 0; d /= 2) {
    for (int i = 0; i < d; ++i) {
      if (!present[i + d]) continue;
      partial[i] = present[i] ? Op::apply(partial[i], partial[i + d]) : partial[i + d];
      present[i] = true;
    }
  }
  return partial[0];
}
template <class Op, class T>
MSL_UNCHECKED T scan(T value, T identity, bool inclusive, const char* operation, Site site) {
  static_assert(is_simd_value_v<T>, "MSL's simdgroup functions take no 64-bit type and no bool");
  const Exchange& lanes = exchange(&value, sizeof(T), operation, false, __builtin_return_address(0), site);
  const int last = lane_index() + (inclusive ? 1 : 0);
  T result = identity;
  for (int i = 0; i < last; ++i) {
    if ((lanes.active >> i & 1U) == 0) continue;
    T other;
    __builtin_memcpy(&other, lanes.values[i], sizeof(T));
    result = Op::apply(result, other);
  }
  return result;
}
template <class T>
MSL_UNCHECKED T from_first_lane(T value, Site site) {
  const Exchange& lanes = exchange(&value, sizeof(T), "simd_broadcast_first", false, __builtin_return_address(0), site);
  T result;
  __builtin_memcpy(&result, lanes.values[__builtin_ctz(lanes.active)], sizeof(T));
  return result;
}

}  // namespace msl
