// SPDX-License-Identifier: Apache-2.0
// Atomics of device memory, which the host may be reading. Each returns the value before.
#pragma once

namespace softcuda {

/// Replaces *address by change(*address).
template <typename T, typename F>
T atomic_change(T* address, F change) {
  T old;
  __atomic_load(address, &old, __ATOMIC_RELAXED);
  for (;;) {
    T wanted = change(old);
    if (__atomic_compare_exchange(address, &old, &wanted, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return old;
  }
}

}  // namespace softcuda

#define SOFTCUDA_ATOMIC(name, type, expression)                                                                 \
  inline type name(type* address, type value) {                                                                 \
    return softcuda::atomic_change(address, [value]([[maybe_unused]] type old) -> type { return expression; }); \
  }
#define SOFTCUDA_INTEGER_ATOMICS(type)                                                                \
  SOFTCUDA_ATOMIC(atomicAdd, type, old + value)                                                       \
  SOFTCUDA_ATOMIC(atomicMax, type, old > value ? old : value)                                         \
  SOFTCUDA_ATOMIC(atomicMin, type, old < value ? old : value)                                         \
  SOFTCUDA_ATOMIC(atomicExch, type, value)                                                            \
  SOFTCUDA_ATOMIC(atomicAnd, type, old& value)                                                        \
  SOFTCUDA_ATOMIC(atomicOr, type, old | value)                                                        \
  SOFTCUDA_ATOMIC(atomicXor, type, old ^ value)                                                       \
  inline type atomicCAS(type* address, type expected, type value) {                                   \
    return softcuda::atomic_change(address, [=](type old) { return old == expected ? value : old; }); \
  }

SOFTCUDA_INTEGER_ATOMICS(int)
SOFTCUDA_INTEGER_ATOMICS(unsigned int)
SOFTCUDA_INTEGER_ATOMICS(unsigned long long)
SOFTCUDA_ATOMIC(atomicSub, int, old - value)
SOFTCUDA_ATOMIC(atomicSub, unsigned int, old - value)
SOFTCUDA_ATOMIC(atomicAdd, float, old + value)
SOFTCUDA_ATOMIC(atomicExch, float, value)

#undef SOFTCUDA_INTEGER_ATOMICS
#undef SOFTCUDA_ATOMIC
