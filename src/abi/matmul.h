// SPDX-License-Identifier: Apache-2.0
// exl3_transform_f32: the input side of an EXL3 layer, (x o suh) Hb, rows zero-extended to stored_in. In which form a
// row is kept, in the room of stored_in floats, is the backend's own affair; most keep floats in tile order:
//   each group of 16 inputs as [0 2 4 6 | 1 3 5 7 | 8 10 12 14 | 9 11 13 15], the order in which a tile's lanes meet
//   them.
// Bindings: x f32 (rows of n_in at in_stride) read; out f32 [n_rows, stored_in] written.
//
// matmul_<variant>_f32 (abi/kernel_variant.h): y = x W + bias for any format; for exl3, x is what exl3_transform_f32
// made (in_stride = stored_in) and the output side, (. Hb) o svh, is included. `accumulate` adds to y instead.
// Bindings: x f32 read; y f32 (rows of n_out at out_stride) written (updated when accumulating).
#pragma once

#include "abi/matrix.h"

namespace marlin::abi {

struct Exl3TransformArguments {
  Matrix matrix;
  std::uint32_t n_rows;
  std::uint32_t in_stride;  // in floats
};
static_assert(sizeof(Exl3TransformArguments) == 72);

struct MatmulArguments {
  Matrix matrix;
  std::uint32_t n_rows;
  std::uint32_t in_stride;   // in floats
  std::uint32_t out_stride;  // in floats
  std::uint32_t accumulate;  // 0 or 1
};
static_assert(sizeof(MatmulArguments) == 80);

}  // namespace marlin::abi
