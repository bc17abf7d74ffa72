// SPDX-License-Identifier: Apache-2.0
// Copies from device to shared memory that go on while a thread computes. A thread groups what it has begun and waits
// until at most so many of its groups are under way; a barrier then shows the bytes to the others of its block.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace marlin::cuda {

/// Begins to copy 16 bytes, both at multiples of 16; of the source only the first n_valid, zeros for the rest.
__device__ inline void copy_async16(void* to_shared, const void* from_device, std::uint32_t n_valid = 16) {
#if defined(__CUDACC__)
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(to_shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from_device), "r"(n_valid)
               : "memory");
#else
  softcuda::copy_async16(to_shared, from_device, n_valid);
#endif
}

__device__ inline void end_copy_group() {
#if defined(__CUDACC__)
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  softcuda::end_copy_group();
#endif
}

/// Waits until at most kPending groups of this thread are under way.
template <int kPending>
__device__ inline void wait_for_copies() {
#if defined(__CUDACC__)
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#else
  softcuda::wait_for_copies(kPending);
#endif
}

}  // namespace marlin::cuda
