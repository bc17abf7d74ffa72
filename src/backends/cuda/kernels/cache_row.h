// SPDX-License-Identifier: Apache-2.0
// Where a position of a sequence lies in the cache: abi/row_place.h.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "abi/row_place.h"

namespace marlin::cuda {

/// The blocks of one sequence.
struct CacheBlocks {
  const std::uint32_t* blocks;
  std::uint32_t shift;

  __device__ std::uint64_t row(std::uint32_t position) const {
    return (std::uint64_t{blocks[position >> shift]} << shift) + (position & ((1U << shift) - 1));
  }
};

/// Of the sequence that has a row at `place`; `blocks`: of the pass.
__device__ inline CacheBlocks blocks_of(const abi::RowPlace& place, const std::uint32_t* blocks,
                                        std::uint32_t block_shift) {
  return {blocks + place.first_block, block_shift};
}

}  // namespace marlin::cuda
