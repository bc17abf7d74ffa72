// SPDX-License-Identifier: Apache-2.0
// The input side of a matrix for one row, wherever a kernel prepares inputs of a product.
#pragma once

#include "abi/matrix.h"

namespace marlin::cpu {

/// out[stored_in] = what matmul_block wants for x[n_in]: for EXL3 transformed, in the form of its codebook
/// (prepare-inl.h), else a copy.
void transform_row(const abi::Matrix& matrix, const float* x, float* out);

}  // namespace marlin::cpu
