// SPDX-License-Identifier: Apache-2.0
// Where a position of a sequence lies in the cache: abi/row_place.h.
#pragma once

#include <metal_stdlib>

#include "abi/row_place.h"

namespace marlin {

/// The blocks of one sequence.
struct CacheBlocks {
  const device uint* blocks;
  uint shift;

  ulong row(uint position) const {
    return (ulong(blocks[position >> shift]) << shift) + (position & ((1u << shift) - 1));
  }
};

METAL_FUNC CacheBlocks blocks_of(const device abi::RowPlace& place, const device uint* blocks, uint block_shift) {
  return {blocks + place.first_block, block_shift};
}

}  // namespace marlin
