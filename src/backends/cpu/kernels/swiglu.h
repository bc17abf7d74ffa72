// SPDX-License-Identifier: Apache-2.0
// The activation between gate/up and down, for a block of an expert's inner dimension.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/matrix.h"

namespace marlin::cpu {

/// inner[row][128 * block ..] = what `down` takes for silu(gate) * up, rows of `gate` and `up` being [n_rows][128]
/// (both destroyed); inner rows lie inner_stride apart. A block of an EXL3 layer's inputs transforms by itself.
void swiglu_block(const abi::Matrix& down, float* gate, const float* up, std::uint32_t n_rows, std::uint32_t block,
                  float* inner, std::size_t inner_stride);

}  // namespace marlin::cpu
