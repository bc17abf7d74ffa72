// SPDX-License-Identifier: Apache-2.0
// kv_append_f32: stores each row in the cache at its place (abi/row_place.h), as f32 or rounded to f16.
// Bindings: x f32 (rows of width at row_stride) read; cache f16 or f32 [n_cache_rows, width] updated; places RowPlace
//           [n_rows] read; blocks u32 read.
#pragma once

#include "abi/matrix.h"

namespace marlin::abi {

struct KvAppendArguments {
  std::uint32_t n_rows;
  std::uint32_t width;
  std::uint32_t row_stride;  // in floats
  std::uint32_t block_shift;
  MatrixFormat cache_format;  // kF16 or kF32
  std::uint32_t reserved;
};
static_assert(sizeof(KvAppendArguments) == 24);

}  // namespace marlin::abi
