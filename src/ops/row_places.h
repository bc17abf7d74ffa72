// SPDX-License-Identifier: Apache-2.0
// Where the rows of a forward pass stand, as operations take it: abi/row_place.h in device memory.
#pragma once

#include <bit>

#include "abi/row_place.h"
#include "ops/operand.h"

namespace marlin::ops {

struct RowPlaces {
  BufferView places;              // abi::RowPlace [n_rows]
  BufferView blocks;              // u32, the block numbers of the sequences
  std::int64_t block_tokens = 0;  // cache rows of a block, a power of two
};

/// Checks that there is a place for every row; returns the logarithm of block_tokens.
inline std::uint32_t check_places(const RowPlaces& rows, std::int64_t n_rows) {
  check_holds(rows.places, n_rows, sizeof(abi::RowPlace));
  MARLIN_CHECK(rows.block_tokens > 0 && std::has_single_bit(static_cast<std::uint64_t>(rows.block_tokens)));
  return static_cast<std::uint32_t>(std::countr_zero(static_cast<std::uint64_t>(rows.block_tokens)));
}

}  // namespace marlin::ops
