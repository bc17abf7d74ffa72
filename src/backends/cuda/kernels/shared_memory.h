// SPDX-License-Identifier: Apache-2.0
// Dynamic shared memory of a thread block, Launch::shared_bytes of it.
#pragma once

#include <cstddef>

#if defined(__CUDACC__)
extern __shared__ __align__(128) std::byte marlin_dynamic_shared[];
#endif

namespace marlin::cuda {

template <typename T>
__device__ inline T* dynamic_shared() {
#if defined(__CUDACC__)
  return reinterpret_cast<T*>(marlin_dynamic_shared);
#else
  return reinterpret_cast<T*>(softcuda::dynamic_shared());
#endif
}

}  // namespace marlin::cuda
