// SPDX-License-Identifier: Apache-2.0
// Windows are cut out of two neighbouring 32-bit words, which is enough because a window has only 16 bits.
#include "trellis/tile.h"

#include <array>

#include "base/error.h"

namespace marlin {
namespace {

constexpr int kMaxTileWords = 8 * kMaxTrellisBits;

void check_bits(int bits) {
  if (bits < kMinTrellisBits || bits > kMaxTrellisBits) {
    fail(ErrorCode::kInvalidArgument, "an EXL3 tile has 1 to 8 bits per weight, not {}", bits);
  }
}

void check_tile(std::size_t size, int bits) {
  check_bits(bits);
  if (size != tile_bytes(bits)) {
    fail(ErrorCode::kInvalidArgument, "an EXL3 tile of {} bits per weight has {} bytes, not {}", bits, tile_bytes(bits),
         size);
  }
}

}  // namespace

void tile_states(std::span<const std::byte> tile, int bits, std::span<std::uint16_t, kTileWeights> states) {
  check_tile(tile.size(), bits);
  std::array<std::uint32_t, kMaxTileWords> words{};
  for (std::size_t i = 0; i < tile.size(); ++i) {
    words[i / 4] |= std::to_integer<std::uint32_t>(tile[i]) << (8 * (i % 4));
  }
  const int n_words = 8 * bits;
  for (int t = 0; t < kTileWeights; ++t) {
    const int end = (t + 1) * bits;
    const int last = (end - 1) / 32;
    const int before = (last + n_words - 1) % n_words;
    const std::uint64_t pair = (std::uint64_t{words[before]} << 32) | words[last];
    states[t] = static_cast<std::uint16_t>((pair >> (32 * (last + 1) - end)) & 0xFFFFU);
  }
}

void decode_tile(std::span<const std::byte> tile, int bits, Codebook codebook,
                 std::span<std::uint16_t, kTileWeights> weights) {
  std::array<std::uint16_t, kTileWeights> states{};
  tile_states(tile, bits, states);
  for (int p = 0; p < kTileWeights; ++p) {
    const auto [row, col] = tile_position(p);
    weights[row * kTileSide + col] = decode_state(states[p], codebook);
  }
}

bool is_tail_biting(std::span<const std::uint16_t, kTileWeights> states, int bits) {
  check_bits(bits);
  const unsigned shared_mask = (1U << (kStateBits - bits)) - 1U;
  unsigned previous = states[kTileWeights - 1];
  for (const unsigned state : states) {
    if ((previous & shared_mask) != state >> bits) return false;
    previous = state;
  }
  return true;
}

void pack_tile(std::span<const std::uint16_t, kTileWeights> states, int bits, std::span<std::byte> tile) {
  check_tile(tile.size(), bits);
  if (!is_tail_biting(states, bits)) {
    fail(ErrorCode::kInvalidArgument, "the 256 states do not form a tail-biting ring of {} bits per step", bits);
  }
  std::array<std::uint32_t, kMaxTileWords> words{};
  for (int p = 0; p < kTileWeights * bits; ++p) {
    const unsigned bit = (states[p / bits] >> (bits - 1 - p % bits)) & 1U;
    words[p / 32] |= bit << (31 - p % 32);
  }
  for (std::size_t i = 0; i < tile.size(); ++i) {
    tile[i] = static_cast<std::byte>((words[i / 4] >> (8 * (i % 4))) & 0xFFU);
  }
}

}  // namespace marlin
