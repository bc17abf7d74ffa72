// SPDX-License-Identifier: Apache-2.0
// Where a position of a sequence lies in the cache: abi/row_place.h.
#pragma once

#include <cstddef>

#include "abi/row_place.h"

namespace marlin::cpu {

/// `blocks`: of the sequence.
inline std::size_t cache_row(const std::uint32_t* blocks, std::size_t position, std::uint32_t block_shift) {
  const std::size_t within = position & ((std::size_t{1} << block_shift) - 1);
  return (std::size_t{blocks[position >> block_shift]} << block_shift) + within;
}

/// Of the row itself. `blocks`: of the pass.
inline std::size_t cache_row(const std::uint32_t* blocks, const abi::RowPlace& place, std::uint32_t block_shift) {
  return cache_row(blocks + place.first_block, std::size_t{place.position}, block_shift);
}

}  // namespace marlin::cpu
