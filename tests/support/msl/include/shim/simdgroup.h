// SPDX-License-Identifier: Apache-2.0
// Barriers and simdgroup functions. Each waits in the interpreter until the live lanes have arrived, and then works on
// the lanes that are truly there; reading a lane that is not is reported. Sums are trees, as in hardware, never left to
// right: a tolerance must not depend on the order.
#pragma once

#include "shim/math.h"

namespace metal {
enum class mem_flags { mem_none = 0, mem_device = 1, mem_threadgroup = 2, mem_texture = 4 };
MSL_INLINE constexpr mem_flags operator|(mem_flags a, mem_flags b) { return mem_flags(int(a) | int(b)); }

MSL_INLINE void threadgroup_barrier(mem_flags flags, ::msl::Site site = MSL_SITE) {
  ::msl::threadgroup_barrier((int)flags, site);
}
MSL_INLINE void simdgroup_barrier(mem_flags flags, ::msl::Site site = MSL_SITE) {
  ::msl::simdgroup_barrier((int)flags, site);
}
}  // namespace metal

namespace msl {

MSL_INLINE int lane_index() { return (int)builtin_value(ParameterKind::kThreadIndexInSimdgroup, 0); }

template <class T>
inline constexpr bool is_simd_value_v = sizeof(typename VectorTraits<T>::Element) <= 4 && !std::is_same_v<T, bool>;

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

#define MSL_OPERATION(name, expression)             \
  struct name {                                     \
    template <class T>                              \
    static MSL_UNCHECKED_INLINE T apply(T a, T b) { \
      return T(expression);                         \
    }                                               \
  };
MSL_OPERATION(Add, a + b)
MSL_OPERATION(Multiply, a* b)
MSL_OPERATION(Larger, a < b ? b : a)
MSL_OPERATION(Smaller, b < a ? b : a)
MSL_OPERATION(Or, a | b)
MSL_OPERATION(And, a& b)
MSL_OPERATION(Xor, a ^ b)
#undef MSL_OPERATION

}  // namespace msl

namespace metal {

#define MSL_REDUCTION(name, op)                             \
  template <class T>                                        \
  MSL_INLINE T name(T value, ::msl::Site site = MSL_SITE) { \
    return ::msl::reduce<::msl::op>(value, #name, site);    \
  }
MSL_REDUCTION(simd_sum, Add)
MSL_REDUCTION(simd_product, Multiply)
MSL_REDUCTION(simd_max, Larger)
MSL_REDUCTION(simd_min, Smaller)
MSL_REDUCTION(simd_or, Or)
MSL_REDUCTION(simd_and, And)
MSL_REDUCTION(simd_xor, Xor)
#undef MSL_REDUCTION

MSL_INLINE bool simd_any(bool value, ::msl::Site site = MSL_SITE) {
  return ::msl::reduce<::msl::Or>((int)value, "simd_any", site) != 0;
}
MSL_INLINE bool simd_all(bool value, ::msl::Site site = MSL_SITE) {
  return ::msl::reduce<::msl::And>((int)value, "simd_all", site) != 0;
}
template <class T>
MSL_INLINE T simd_shuffle(T value, ushort lane, ::msl::Site site = MSL_SITE) {
  return ::msl::from_lane(value, lane, "simd_shuffle", site);
}
template <class T>
MSL_INLINE T simd_shuffle_xor(T value, ushort mask, ::msl::Site site = MSL_SITE) {
  return ::msl::from_lane(value, ::msl::lane_index() ^ mask, "simd_shuffle_xor", site);
}
template <class T>
MSL_INLINE T simd_shuffle_down(T value, ushort delta, ::msl::Site site = MSL_SITE) {
  return ::msl::from_lane_or(value, ::msl::lane_index() + delta, value, "simd_shuffle_down", site);
}
template <class T>
MSL_INLINE T simd_shuffle_up(T value, ushort delta, ::msl::Site site = MSL_SITE) {
  return ::msl::from_lane_or(value, ::msl::lane_index() - delta, value, "simd_shuffle_up", site);
}
template <class T>
MSL_INLINE T simd_shuffle_rotate_down(T value, ushort delta, ::msl::Site site = MSL_SITE) {
  return ::msl::from_lane(value, (::msl::lane_index() + delta) % ::msl::kSimdWidth, "simd_shuffle_rotate_down", site);
}
template <class T>
MSL_INLINE T simd_shuffle_rotate_up(T value, ushort delta, ::msl::Site site = MSL_SITE) {
  return ::msl::from_lane(value, (::msl::lane_index() - delta) & (::msl::kSimdWidth - 1), "simd_shuffle_rotate_up",
                          site);
}
template <class T>
MSL_INLINE T simd_broadcast(T value, ushort lane, ::msl::Site site = MSL_SITE) {
  return ::msl::from_lane(value, lane, "simd_broadcast", site);
}
template <class T>
MSL_INLINE T simd_broadcast_first(T value, ::msl::Site site = MSL_SITE) {
  return ::msl::from_first_lane(value, site);
}
template <class T>
MSL_INLINE T simd_prefix_inclusive_sum(T value, ::msl::Site site = MSL_SITE) {
  return ::msl::scan<::msl::Add>(value, T(0), true, "simd_prefix_inclusive_sum", site);
}
template <class T>
MSL_INLINE T simd_prefix_exclusive_sum(T value, ::msl::Site site = MSL_SITE) {
  return ::msl::scan<::msl::Add>(value, T(0), false, "simd_prefix_exclusive_sum", site);
}
template <class T>
MSL_INLINE T simd_prefix_inclusive_product(T value, ::msl::Site site = MSL_SITE) {
  return ::msl::scan<::msl::Multiply>(value, T(1), true, "simd_prefix_inclusive_product", site);
}
template <class T>
MSL_INLINE T simd_prefix_exclusive_product(T value, ::msl::Site site = MSL_SITE) {
  return ::msl::scan<::msl::Multiply>(value, T(1), false, "simd_prefix_exclusive_product", site);
}

}  // namespace metal
