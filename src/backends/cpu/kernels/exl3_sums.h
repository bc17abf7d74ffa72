// SPDX-License-Identifier: Apache-2.0
// The sums of products of one block of an EXL3 layer, in floats (3INST, MCG) or in integers (MUL1), as they are before
// the lanes of an output are added up (exl3_block.cc).
//
// A block is 8 tile columns, 128 outputs. It is walked 8 tiles (128 inputs, a run) at a time, so that memory is read in
// runs of 8 tiles while the sums of a run stay in registers. One row: decode and multiply at once. More rows: decode 8
// tiles to scratch once, multiply all rows. The sums of a row do not depend on the number of rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/matrix.h"
#include "backends/cpu/kernels/exl3_integers.h"

namespace marlin::cpu {

inline constexpr std::size_t kTileWeights = 256;
inline constexpr std::size_t kRunTiles = 8;      // tiles of one column handled together: 128 inputs
inline constexpr std::size_t kBlockColumns = 8;  // tile columns of a block: 128 outputs
inline constexpr std::size_t kColumnSums = 64;   // partial sums of a row and tile column: 16 outputs in 4 lanes each
inline constexpr std::size_t kRowSums = kBlockColumns * kColumnSums;

/// Where the tiles of one block lie.
struct TileGrid {
  const std::uint8_t* tiles;  // of the first input row
  std::size_t row_bytes;      // from a tile to the one below it (16 inputs further)
  std::size_t n_runs;         // stored_in / 128
};

/// A run of decoded tiles and of the inputs of all rows.
constexpr std::size_t exl3_sums_scratch_bytes(std::size_t n_rows) {
  return kRunTiles * kTileWeights * sizeof(float) + n_rows * sizeof(IntegerRun);
}

/// sums[tile column][row][group][column half][lane] += products of `n_rows` rows of prepared inputs (transform.h) at
/// `x_stride` floats. scratch: exl3_sums_scratch_bytes(n_rows).
using Exl3Sums = void (*)(const TileGrid& grid, const float* x, std::size_t x_stride, std::uint32_t n_rows, float* sums,
                          std::byte* scratch);

/// The function for the bits and codebook of the matrix and for this processor.
Exl3Sums exl3_float_sums(const abi::Matrix& matrix);
Exl3Sums exl3_integer_sums(const abi::Matrix& matrix);

}  // namespace marlin::cpu
