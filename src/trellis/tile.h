// SPDX-License-Identifier: Apache-2.0
// One EXL3 tile: 16 inputs x 16 outputs = 256 weights, stored as a ring of 256 * bits bits. Used by layer.h, tests and
// the quantiser. Three surprises: bits are read from the top of each little-endian 32-bit word; a state's 16-bit window
// ENDS with the step's own bits, so the first windows begin in the tile's tail; and the 256 positions are in
// tensor-core order.
//
//   stream bit p        = bit 31 - p % 32 of word p / 32
//   state of step t     = stream bits t*bits + bits - 16 .. t*bits + bits - 1 (mod 256*bits), first bit highest
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "trellis/codebook.h"

namespace marlin {

inline constexpr int kTileSide = 16;
inline constexpr int kTileWeights = 256;
inline constexpr int kStateBits = 16;
inline constexpr int kMinTrellisBits = 1;
inline constexpr int kMaxTrellisBits = 8;

/// Bytes of one tile at `bits` bits per weight.
constexpr std::size_t tile_bytes(int bits) { return std::size_t{32} * static_cast<std::size_t>(bits); }

struct TilePosition {
  int row;  ///< input feature within the tile
  int col;  ///< output feature within the tile
};

/// Where the weight of stream position `p` (0..255) lies in the tile.
constexpr TilePosition tile_position(int p) {
  const int lane = p / 8;
  const int j = p % 8;
  return {2 * (lane % 4) + j % 2 + 8 * (j / 2 % 2), lane / 4 + 8 * (j / 4)};
}

/// Inverse of tile_position: the stream position of the weight at (row, col), both 0..15.
constexpr int tile_index(int row, int col) {
  return 32 * (col % 8) + 8 * (row % 8 / 2) + 4 * (col / 8) + 2 * (row / 8) + row % 2;
}

/// The 256 states in stream order. `tile` is tile_bytes(bits) bytes at any alignment. Throws kInvalidArgument for bits
/// outside 1..8 or another size.
void tile_states(std::span<const std::byte> tile, int bits, std::span<std::uint16_t, kTileWeights> states);

/// The 256 weights as fp16 bits, row-major [input][output]. Same preconditions as tile_states.
void decode_tile(std::span<const std::byte> tile, int bits, Codebook codebook,
                 std::span<std::uint16_t, kTileWeights> weights);

/// Whether the states form a ring: each shares its upper 16 - bits bits with its predecessor, the first with the last.
bool is_tail_biting(std::span<const std::uint16_t, kTileWeights> states, int bits);

/// Inverse of tile_states. Throws kInvalidArgument when the states are no ring, or as tile_states does.
void pack_tile(std::span<const std::uint16_t, kTileWeights> states, int bits, std::span<std::byte> tile);

}  // namespace marlin
