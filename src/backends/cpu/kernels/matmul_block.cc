// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/kernels/matmul_block.h"

#include <algorithm>

#include "backends/cpu/kernels/dense_block.h"
#include "backends/cpu/kernels/exl3_block.h"

namespace marlin::cpu {

void matmul_block(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                  std::uint32_t block, float* out, std::byte* scratch) {
  if (matrix.format == abi::MatrixFormat::kExl3) {
    exl3_block(matrix, x, x_stride, n_rows, block, out, scratch);
  } else {
    dense_block(matrix, x, x_stride, n_rows, block, out);
  }
  const std::uint32_t first = block * kBlockOutputs;
  const std::uint32_t n_true = first < matrix.n_out ? std::min(kBlockOutputs, matrix.n_out - first) : 0;
  const auto* bias = matrix.bias == 0 ? nullptr : reinterpret_cast<const float*>(matrix.bias) + first;
  for (std::uint32_t row = 0; row < n_rows; ++row) {
    float* y = out + static_cast<std::size_t>(row) * kBlockOutputs;
    if (bias != nullptr) {
      for (std::uint32_t i = 0; i < n_true; ++i) y[i] += bias[i];
    }
    std::fill(y + n_true, y + kBlockOutputs, 0.0F);
  }
}

}  // namespace marlin::cpu
