// SPDX-License-Identifier: Apache-2.0
// kv_append_f32: stores each row in the cache at its place (abi/row_place.h), as f32, or rounded to f16 or int8
// (abi/cache_vector.h).
// Bindings: x f32 (rows of n_vectors * dim at row_stride) read; cache [n_cache_rows, n_vectors] vectors updated; places
//           RowPlace [n_rows] read; blocks u32 read.
#pragma once

#include "abi/cache_vector.h"

namespace marlin::abi {

struct KvAppendArguments {
  std::uint32_t n_rows;
  std::uint32_t n_vectors;
  CacheVector vector;
  std::uint32_t row_stride;  // in floats
  std::uint32_t block_shift;
  MatrixFormat cache_format;  // kF16, kF32 or kInt8
  std::uint32_t reserved;
};
static_assert(sizeof(KvAppendArguments) == 32);

}  // namespace marlin::abi
