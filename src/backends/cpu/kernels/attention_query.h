// SPDX-License-Identifier: Apache-2.0
// One query's view of a cache: what both attention kernels reduce their work to.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/matrix.h"

namespace marlin::cpu {

struct AttentionQuery {
  const float* query;          // [key_dim]
  const std::uint8_t* keys;    // key_dim elements of `format` every key_stride of them
  const std::uint8_t* values;  // value_dim elements of `format` every value_stride of them
  std::size_t key_dim;
  std::size_t value_dim;
  std::size_t key_stride;
  std::size_t value_stride;
  std::size_t n_positions;
  float scale;
  abi::MatrixFormat format;  // kF16 or kF32
};

}  // namespace marlin::cpu
