// SPDX-License-Identifier: Apache-2.0
// Matrix products of a warp on tensor cores: D = A B + D, binary16 operands and float32 sums. Fragments as the PTX
// manual lays them out (mma.m16n8k16); g = lane / 4, m = lane % 4:
//   a[0] = A[g][2m, 2m + 1], a[1] = A[g + 8][same], a[2] = A[g][2m + 8, 2m + 9], a[3] = A[g + 8][same]
//   b[0] = B[2m, 2m + 1][g], b[1] = B[2m + 8, 2m + 9][g]
//   d[0], d[1] = D[g][2m, 2m + 1], d[2], d[3] = D[g + 8][same]
// A register holds two binary16 numbers, the first in its low half.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace marlin::cuda {

__device__ inline void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
#if defined(__CUDACC__)
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  softcuda::mma_m16n8k16(d, a, b);
#endif
}

/// The same of bfloat16 operands.
__device__ inline void mma_m16n8k16_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
#if defined(__CUDACC__)
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int k = 0; k < 16; ++k) {
    const int owner = k % 8 / 2;  // among the four lanes of a row of A or a column of B
    const int shift = k % 2 * 16;
    const auto number = [shift](std::uint32_t bits) { return __uint_as_float(bits >> shift << 16); };
    for (int i = 0; i < 4; ++i) {
      const float x = number(__shfl_sync(0xFFFFFFFF, a[k / 8 * 2 + i / 2], lane / 4 * 4 + owner));
      d[i] += x * number(__shfl_sync(0xFFFFFFFF, b[k / 8], (lane % 4 * 2 + i % 2) * 4 + owner));
    }
  }
#endif
}

/// Loads four 8x8 matrices of binary16 from shared memory: lane l gives the address of row l % 8 of matrix l / 8, 16
/// bytes at a multiple of 16, and gets of each matrix its elements [l / 4][2 (l % 4), + 1]; `Transposed`: [2 (l % 4), +
/// 1][l / 4].
template <bool Transposed = false>
__device__ inline void load_matrices(std::uint32_t (&r)[4], const void* row) {
#if defined(__CUDACC__)
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  if constexpr (Transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
  }
#else
  softcuda::load_matrices(r, row, Transposed);
#endif
}

}  // namespace marlin::cuda
