// SPDX-License-Identifier: Apache-2.0
// The view that a few heads of one row have of a cache whose keys and values they share: what both attention kernels
// reduce their work to.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/matrix.h"

namespace marlin::cpu {

/// Heads that are attended together read and convert the cache once.
inline constexpr std::size_t kMaxJointHeads = 5;

/// How many of n heads share a work item: as many as divide them evenly.
constexpr std::size_t joint_heads(std::size_t n_heads) {
  for (std::size_t n = kMaxJointHeads; n > 2; --n) {
    if (n_heads % n == 0) return n;
  }
  return n_heads < 2 ? 1 : 2;
}

struct AttentionQuery {
  const float* queries;        // [n_heads][key_dim]
  const std::uint8_t* keys;    // key_dim elements of `format` every key_stride of them
  const std::uint8_t* values;  // value_dim elements of `format` every value_stride of them
  std::size_t n_heads;         // 1..kMaxJointHeads
  std::size_t key_dim;
  std::size_t value_dim;
  std::size_t key_stride;
  std::size_t value_stride;
  std::size_t n_positions;
  float scale;
  abi::MatrixFormat format;  // kF16 or kF32
};

}  // namespace marlin::cpu
