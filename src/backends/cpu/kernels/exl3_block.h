// SPDX-License-Identifier: Apache-2.0
// The EXL3 case of matmul_block.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/matrix.h"

namespace marlin::cpu {

/// As matmul_block, before bias and trimming: all 128 outputs of the block are written.
void exl3_block(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                std::uint32_t block, float* out, std::byte* scratch);

}  // namespace marlin::cpu
