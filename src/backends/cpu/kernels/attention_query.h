// SPDX-License-Identifier: Apache-2.0
// One query's view of a cache: what both attention kernels reduce their work to.
#pragma once

#include <cstddef>
#include <cstdint>

namespace marlin::cpu {

struct AttentionQuery {
  const float* query;           // [key_dim]
  const std::uint16_t* keys;    // f16, key_dim of them every key_stride
  const std::uint16_t* values;  // f16, value_dim of them every value_stride
  std::size_t key_dim;
  std::size_t value_dim;
  std::size_t key_stride;
  std::size_t value_stride;
  std::size_t n_positions;
  float scale;
};

}  // namespace marlin::cpu
