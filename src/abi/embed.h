// SPDX-License-Identifier: Apache-2.0
// embed_f32: rows of the embedding table by token id. An id below 0 stands for a token that the host has not seen yet:
// -1 - i is chosen[i].
// Bindings: ids i32 [n_rows] read; chosen i32 [n_chosen] read; out f32 [n_rows, table.n_in] written.
#pragma once

#include "abi/matrix.h"

namespace marlin::abi {

struct EmbedArguments {
  Matrix table;  // [n_out = vocabulary][n_in = hidden], f32, f16 or bf16
  std::uint32_t n_rows;
  std::uint32_t n_chosen;
};
static_assert(sizeof(EmbedArguments) == 72);

}  // namespace marlin::abi
