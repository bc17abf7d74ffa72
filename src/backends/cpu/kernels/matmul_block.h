// SPDX-License-Identifier: Apache-2.0
// The one matrix product of the cpu backend: up to 128 rows times a block of 128 outputs of a matrix of any format.
// Linear layers and experts are made of it. A row's result does not depend on which other rows share the call.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/matrix.h"

namespace marlin::cpu {

inline constexpr std::uint32_t kBlockOutputs = 128;
inline constexpr std::uint32_t kBlockRows = 128;

/// Scratch that matmul_block needs.
inline constexpr std::size_t kMatmulScratchBytes = 304 * 1024;

inline std::uint32_t n_blocks(const abi::Matrix& matrix) {
  return (matrix.stored_out + kBlockOutputs - 1) / kBlockOutputs;
}

/// out[n_rows][128] = outputs 128 * block .. of x W + bias, complete; outputs beyond matrix.n_out are zero.
/// x: rows as transform_row() makes them, at x_stride floats. 1 <= n_rows <= kBlockRows.
/// scratch: kMatmulScratchBytes, 64-byte aligned.
void matmul_block(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                  std::uint32_t block, float* out, std::byte* scratch);

}  // namespace marlin::cpu
