// SPDX-License-Identifier: Apache-2.0
// Products with plain matrices, rows of f32, f16 or bf16, in float32. A warp takes some outputs and some rows at a time
// and keeps a sum for each pair in every lane; lanes share the inputs in fours (lane l has those with i / 4 % 32 = l),
// and the lanes' sums are added as a tree. So the order of a sum does not depend on what else the warp takes.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "backends/cuda/kernels/reduce.h"
#include "backends/cuda/kernels/weights.h"

namespace marlin::cuda {

/// Rows of activations.
struct InputRows {
  const float* first;
  std::uint64_t stride;  // in floats
  std::uint32_t n;

  /// Row i, or the last one.
  [[nodiscard]] __device__ const float* row(std::uint32_t i) const { return first + min(i, n - 1) * stride; }
};

__device__ inline float dot4(float4 a, float4 b, float sum) {
  return __fmaf_rn(a.w, b.w, __fmaf_rn(a.z, b.z, __fmaf_rn(a.y, b.y, __fmaf_rn(a.x, b.x, sum))));
}

/// Outputs first_out .. + kOutputs - 1 of rows first_row .. + kRows - 1: store(row, output, sum) for those that exist,
/// in one lane each. For a whole warp.
template <std::uint32_t kOutputs, std::uint32_t kRows, typename Store>
__device__ inline void multiply_plain(const abi::Matrix& matrix, const InputRows& x, std::uint32_t first_row,
                                      std::uint32_t first_out, Store&& store) {
  const std::uint32_t bytes = element_bytes(matrix.format);
  const RowAlignment alignment = row_alignment(matrix.weights, matrix.n_in, matrix.format);
  const bool vectors = holds_vectors(x.first) && x.stride % 4 == 0;
  float sums[kOutputs][kRows] = {};
#pragma unroll(kOutputs* kRows == 1 ? 8 : 1)
  for (std::uint32_t i = 4 * lane_index(); i < matrix.n_in; i += 4 * kWarpSize) {
    const std::uint32_t n = matrix.n_in - i;
    float4 inputs[kRows];
#pragma unroll
    for (std::uint32_t r = 0; r < kRows; ++r) inputs[r] = load_floats4(x.row(first_row + r) + i, vectors, n);
#pragma unroll
    for (std::uint32_t o = 0; o < kOutputs; ++o) {
      const std::uint64_t element = std::uint64_t{min(first_out + o, matrix.n_out - 1)} * matrix.n_in + i;
      const float4 w = load_elements4(address_of(matrix.weights) + element * bytes, matrix.format, alignment, n);
#pragma unroll
      for (std::uint32_t r = 0; r < kRows; ++r) sums[o][r] = dot4(w, inputs[r], sums[o][r]);
    }
  }
#pragma unroll
  for (std::uint32_t o = 0; o < kOutputs; ++o) {
#pragma unroll
    for (std::uint32_t r = 0; r < kRows; ++r) {
      const float sum = warp_sum(sums[o][r]);
      if (lane_index() == (o * kRows + r) % kWarpSize && first_out + o < matrix.n_out && first_row + r < x.n) {
        store(first_row + r, first_out + o, sum);
      }
    }
  }
}

}  // namespace marlin::cuda
