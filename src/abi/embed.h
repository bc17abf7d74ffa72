// SPDX-License-Identifier: Apache-2.0
// embed_f32: rows of the embedding table by token id.
// Bindings: ids i32 [n_rows] read; out f32 [n_rows, table.n_in] written.
#pragma once

#include "abi/matrix.h"

namespace marlin::abi {

struct EmbedArguments {
  Matrix table;  // [n_out = vocabulary][n_in = hidden], f32, f16 or bf16
  std::uint32_t n_rows;
  std::uint32_t reserved;
};
static_assert(sizeof(EmbedArguments) == 72);

}  // namespace marlin::abi
