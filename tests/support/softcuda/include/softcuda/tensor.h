// SPDX-License-Identifier: Apache-2.0
// What kernels/mma.h, async_copy.h and shared_memory.h of the cuda backend call where nvcc would see PTX.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

void* softcuda_dynamic_shared();
void softcuda_mma_m16n8k16(float* d, const std::uint32_t* a, const std::uint32_t* b, const char* file,
                           std::uint32_t line);
void softcuda_mma_m16n8k16_bf16(float* d, const std::uint32_t* a, const std::uint32_t* b, const char* file,
                                std::uint32_t line);
void softcuda_load_matrices(std::uint32_t* r, const void* row, bool transposed, const char* file, std::uint32_t line);
void softcuda_copy_async16(void* to_shared, const void* from_device, std::uint32_t n_valid);
void softcuda_end_copy_group();
void softcuda_wait_for_copies(int n_pending);
}

namespace softcuda {

inline void* dynamic_shared() { return softcuda_dynamic_shared(); }

inline void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                         const char* file = __builtin_FILE(), std::uint32_t line = __builtin_LINE()) {
  softcuda_mma_m16n8k16(d, a, b, file, line);
}
/// The same of bfloat16 operands.
inline void mma_m16n8k16_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                              const char* file = __builtin_FILE(), std::uint32_t line = __builtin_LINE()) {
  softcuda_mma_m16n8k16_bf16(d, a, b, file, line);
}
inline void load_matrices(std::uint32_t (&r)[4], const void* row, bool transposed, const char* file = __builtin_FILE(),
                          std::uint32_t line = __builtin_LINE()) {
  softcuda_load_matrices(r, row, transposed, file, line);
}

/// The bytes are poison until this thread waits for the copy.
inline void copy_async16(void* to_shared, const void* from_device, std::uint32_t n_valid) {
  softcuda_copy_async16(to_shared, from_device, n_valid);
}
inline void end_copy_group() { softcuda_end_copy_group(); }
inline void wait_for_copies(int n_pending) { softcuda_wait_for_copies(n_pending); }

}  // namespace softcuda
