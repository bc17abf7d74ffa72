// SPDX-License-Identifier: Apache-2.0
// kv_append_f16: stores rows in the cache, rounded to f16, at positions start_position...
// Bindings: x f32 (rows of width at row_stride) read; cache f16 [n_positions, width] written.
#pragma once

#include <cstdint>

namespace marlin::abi {

struct KvAppendArguments {
  std::uint32_t n_rows;
  std::uint32_t width;
  std::uint32_t row_stride;  // in floats
  std::uint32_t start_position;
};
static_assert(sizeof(KvAppendArguments) == 16);

}  // namespace marlin::abi
