// SPDX-License-Identifier: Apache-2.0
// Loads and stores with a hint for the caches, and fences: blocks run one after another here, so all is visible.
#pragma once

#define SOFTCUDA_LOAD(name)  \
  template <typename T>      \
  T name(const T* address) { \
    return *address;         \
  }

SOFTCUDA_LOAD(__ldg)
SOFTCUDA_LOAD(__ldca)
SOFTCUDA_LOAD(__ldcg)
SOFTCUDA_LOAD(__ldcs)
SOFTCUDA_LOAD(__ldcv)
SOFTCUDA_LOAD(__ldlu)

#undef SOFTCUDA_LOAD

#define SOFTCUDA_STORE(name)       \
  template <typename T>            \
  void name(T* address, T value) { \
    *address = value;              \
  }

SOFTCUDA_STORE(__stcg)
SOFTCUDA_STORE(__stcs)
SOFTCUDA_STORE(__stwt)

#undef SOFTCUDA_STORE

inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
