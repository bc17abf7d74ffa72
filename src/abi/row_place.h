// SPDX-License-Identifier: Apache-2.0
// Where the rows of a forward pass stand. Each is a token of some sequence; rows of several sequences, at any
// positions, share a pass. The keys and values of a sequence lie in blocks of 2^block_shift cache rows, which need not
// follow one another: `blocks` lists the numbers of the blocks of every sequence of the pass.
//   cache row of position p = (blocks[first_block + (p >> block_shift)] << block_shift) + p % 2^block_shift
#pragma once

#include <cstdint>

namespace marlin::abi {

struct RowPlace {
  std::uint32_t position;     // in its sequence
  std::uint32_t first_block;  // index in `blocks` of the first of its sequence
};
static_assert(sizeof(RowPlace) == 8);

}  // namespace marlin::abi
