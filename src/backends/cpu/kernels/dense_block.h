// SPDX-License-Identifier: Apache-2.0
// The plain (f32, f16, bf16) case of matmul_block.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/matrix.h"

namespace marlin::cpu {

/// As matmul_block, before bias; outputs beyond n_out are left unwritten.
void dense_block(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                 std::uint32_t block, float* out);

}  // namespace marlin::cpu
