// SPDX-License-Identifier: Apache-2.0
// MSL's atomics, all relaxed as on Metal. They run in the interpreter, which switches threads only at barriers and
// simdgroup functions, so that a plain read-modify-write is atomic; mixing them with plain accesses is reported.
#pragma once

#include "shim/simdgroup.h"

namespace metal {

enum memory_order { memory_order_relaxed };

template <class T>
struct atomic {
  static_assert(std::is_same_v<T, int> || std::is_same_v<T, uint> || std::is_same_v<T, float> ||
                    std::is_same_v<T, bool>,
                "MSL has atomics of int, uint, float and bool here");
  T value;
};
typedef atomic<int> atomic_int;
typedef atomic<uint> atomic_uint;
typedef atomic<float> atomic_float;
typedef atomic<bool> atomic_bool;

template <class Pointer>
using atomic_value_t = decltype(std::declval<Pointer>()->value);

}  // namespace metal

namespace msl {

#if MSL_STRICT
template <class T>
inline constexpr bool is_threadgroup_v = false;
template <class T>
inline constexpr bool is_threadgroup_v<__attribute__((address_space(3))) T*> = true;
#else
template <class T>
inline constexpr bool is_threadgroup_v = false;
#endif

template <class Pointer, class Change>
MSL_INLINE auto modify(Pointer p, Change change, Site site) {
  using T = metal::atomic_value_t<Pointer>;
  static_assert(!is_threadgroup_v<Pointer> || !std::is_same_v<T, float>,
                "Metal has float atomics in device memory only");
#if MSL_PTX
  // Begins with a guess, since a plain read would be a hazard to racecheck.
  T before = T();
  for (;;) {
    const int found = __nvvm_atom_cas_gen_i((int*)&p->value, as_type<int>(before), as_type<int>((T)change(before)));
    if (found == as_type<int>(before)) return before;
    before = as_type<T>(found);
  }
#else
  T before;
  atomic_read(&before, (const volatile void*)&p->value, sizeof(T), AtomicAccess::kModify, site);
  const T after = change(before);
  atomic_write((volatile void*)&p->value, &after, sizeof(T));
  return before;
#endif
}

}  // namespace msl

namespace metal {

#define MSL_ATOMIC(name, expression)                                                                            \
  template <class Pointer>                                                                                      \
  MSL_INLINE auto name(Pointer p, atomic_value_t<Pointer> operand, memory_order, ::msl::Site site = MSL_SITE) { \
    using T = atomic_value_t<Pointer>;                                                                          \
    return ::msl::modify(                                                                                       \
        p, [operand](T old) __attribute__((always_inline, nodebug)) { return T(expression); }, site);           \
  }
MSL_ATOMIC(atomic_fetch_add_explicit, old + operand)
MSL_ATOMIC(atomic_fetch_sub_explicit, old - operand)
MSL_ATOMIC(atomic_fetch_or_explicit, old | operand)
MSL_ATOMIC(atomic_fetch_and_explicit, old& operand)
MSL_ATOMIC(atomic_fetch_xor_explicit, old ^ operand)
MSL_ATOMIC(atomic_fetch_max_explicit, old < operand ? operand : old)
MSL_ATOMIC(atomic_fetch_min_explicit, operand < old ? operand : old)
MSL_ATOMIC(atomic_exchange_explicit, ((void)old, operand))
#undef MSL_ATOMIC

template <class Pointer>
MSL_INLINE auto atomic_load_explicit(Pointer p, memory_order, ::msl::Site site = MSL_SITE) {
  atomic_value_t<Pointer> value;
  ::msl::atomic_read(&value, (const volatile void*)&p->value, sizeof(value), ::msl::AtomicAccess::kLoad, site);
  return value;
}
template <class Pointer>
MSL_INLINE void atomic_store_explicit(Pointer p, atomic_value_t<Pointer> value, memory_order,
                                      ::msl::Site site = MSL_SITE) {
  atomic_value_t<Pointer> before;
  ::msl::atomic_read(&before, (const volatile void*)&p->value, sizeof(value), ::msl::AtomicAccess::kStore, site);
  ::msl::atomic_write((volatile void*)&p->value, &value, sizeof(value));
}
template <class Pointer, class Expected>
MSL_INLINE bool atomic_compare_exchange_weak_explicit(Pointer p, Expected expected, atomic_value_t<Pointer> desired,
                                                      memory_order, memory_order, ::msl::Site site = MSL_SITE) {
  using T = atomic_value_t<Pointer>;
  const T wanted = *expected;
  const T before = ::msl::modify(
      p, [ wanted, desired ](T old) __attribute__((always_inline, nodebug)) { return old == wanted ? desired : old; },
      site);
  *expected = before;
  return before == wanted;
}

}  // namespace metal
