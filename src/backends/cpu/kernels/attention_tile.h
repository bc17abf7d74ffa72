// SPDX-License-Identifier: Apache-2.0
// Attention of a few queries over a cache whose keys and values they share: what both attention kernels reduce their
// work to.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/matrix.h"

namespace marlin::cpu {

/// Heads and rows that are attended together: they read and convert the cache once.
inline constexpr std::size_t kMaxJointHeads = 5;
inline constexpr std::size_t kJointRows = 2;
inline constexpr std::size_t kMaxJointQueries = kMaxJointHeads * kJointRows;

/// Queries of consecutive rows of a sequence, those of a row side by side; row r sees positions 0 .. n_positions + r
/// - 1.
struct AttentionTile {
  const float* queries;            // [n_rows][n_heads][key_dim]; 0 where an 8-bit key has a gap
  float* out[kMaxJointQueries]{};  // [row * n_heads + head]: value_dim floats
  const std::uint8_t* keys;        // of cache row 0: a vector as abi/cache_vector.h has it
  const std::uint8_t* values;      // the same; may be the keys, of which values are the first part
  const std::uint32_t* blocks;     // of the sequence: abi/row_place.h
  std::uint32_t block_shift;
  std::size_t n_rows = 0;   // 1..kJointRows
  std::size_t n_heads = 0;  // 1..kMaxJointHeads
  std::size_t key_dim;      // of keys as stored: abi::cache_numbers, which is that of the values too
  std::size_t value_dim;
  std::size_t row_bytes;
  std::size_t n_positions;
  float scale;
  abi::MatrixFormat format;  // kF16, kF32 or kInt8
};

/// Keys are met in blocks with a running maximum, so the memory needed does not depend on the context; blocks start at
/// position 0. The result of a query does not depend on the others of its tile.
void attend(const AttentionTile& tile);

}  // namespace marlin::cpu
