// SPDX-License-Identifier: Apache-2.0
// Barriers and simdgroup functions. Each waits in the interpreter until the live lanes have arrived, and then works on
// the lanes that are truly there; reading a lane that is not is reported. Sums are trees, as in hardware, never left to
// right: a tolerance must not depend on the order.
#pragma once

#if MSL_PTX
#include "ptx/lanes.h"
#else
#include "shim/lanes.h"
#endif

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
