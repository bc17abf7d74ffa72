// SPDX-License-Identifier: Apache-2.0
// The input side of a matrix for one row, wherever a kernel prepares inputs of a product.
#pragma once

#include "abi/matrix.h"

namespace marlin::cpu {

/// out[stored_in] = what matmul_block wants for x[n_in]: transformed and in tile order for EXL3, else a copy.
void transform_row(const abi::Matrix& matrix, const float* x, float* out);

}  // namespace marlin::cpu
