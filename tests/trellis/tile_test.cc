// SPDX-License-Identifier: Apache-2.0
#include "trellis/tile.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/crc32.h"
#include "tests/support/error_of.h"
#include "tests/support/exl3_layer.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/random_tensor.h"
#include "tests/trellis/published_vectors.h"

namespace marlin {
namespace {

using States = std::array<std::uint16_t, kTileWeights>;

std::vector<std::byte> published_tile(int bits) {
  return test::to_bytes(test::lcg_words(static_cast<std::uint32_t>(bits), tile_bytes(bits) / 2));
}

TEST(Tile, StatesAreThePublishedOnes) {
  for (const test::TileStates& expected : test::kTileStates) {
    const std::vector<std::uint16_t> words = test::lcg_words(static_cast<std::uint32_t>(expected.bits), 4);
    EXPECT_TRUE(std::equal(words.begin(), words.end(), expected.words.begin()));
    States states{};
    tile_states(published_tile(expected.bits), expected.bits, states);
    EXPECT_TRUE(std::equal(expected.states.begin(), expected.states.end(), states.begin())) << expected.bits << " bits";
    EXPECT_EQ(test::crc32(states), expected.states_crc) << expected.bits << " bits";
  }
}

TEST(Tile, WeightsAreThePublishedOnes) {
  for (const test::TileValues& expected : test::kTileValues) {
    const std::string what = fmt::format("{} bits, {}", expected.bits, codebook_name(expected.codebook));
    const std::vector<std::byte> tile = published_tile(expected.bits);
    States stream{};
    tile_states(tile, expected.bits, stream);
    for (std::uint16_t& state : stream) state = decode_state(state, expected.codebook);
    EXPECT_TRUE(std::equal(expected.values.begin(), expected.values.end(), stream.begin())) << what;
    EXPECT_EQ(test::crc32(stream), expected.stream_crc) << what;
    States weights{};
    decode_tile(tile, expected.bits, expected.codebook, weights);
    EXPECT_EQ(test::crc32(weights), expected.row_major_crc) << what;
  }
}

// The definition, bit by bit, which the word arithmetic must equal on tiles of random bytes.
TEST(Tile, WindowsEndWithTheStepsOwnBits) {
  test::Random random(7);
  for (int bits = kMinTrellisBits; bits <= kMaxTrellisBits; ++bits) {
    const std::vector<std::byte> tile = random.bytes(tile_bytes(bits));
    const int n_bits = kTileWeights * bits;
    const auto stream_bit = [&](int p) {
      const int byte = (p / 8) ^ 3;  // most significant byte of each little-endian word first
      return (std::to_integer<unsigned>(tile[byte]) >> (7 - p % 8)) & 1U;
    };
    States states{};
    tile_states(tile, bits, states);
    for (int t = 0; t < kTileWeights; ++t) {
      unsigned window = 0;
      for (int i = 0; i < kStateBits; ++i)
        window = window * 2 + stream_bit((t * bits + bits - 16 + i + n_bits) % n_bits);
      ASSERT_EQ(states[t], window) << bits << " bits, step " << t;
    }
  }
}

TEST(Tile, EveryTileIsARingAndSurvivesARoundTrip) {
  test::Random random(8);
  for (int bits = kMinTrellisBits; bits <= kMaxTrellisBits; ++bits) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      const std::vector<std::byte> tile = random.bytes(tile_bytes(bits));
      States states{};
      tile_states(tile, bits, states);
      EXPECT_TRUE(is_tail_biting(states, bits));
      // the wrap from the last state to the first, spelled out
      EXPECT_EQ(states[0], ((states[255] << bits) | (states[0] & ((1 << bits) - 1))) & 0xFFFF);
      test::GuardedBuffer<std::byte> packed(tile.size());
      pack_tile(states, bits, packed.span());
      EXPECT_TRUE(std::equal(tile.begin(), tile.end(), packed.data())) << bits << " bits";
    }
  }
}

TEST(Tile, ReadsAnyAlignment) {
  const std::vector<std::byte> tile = published_tile(3);
  States expected{};
  tile_states(tile, 3, expected);
  for (std::size_t misalignment = 1; misalignment < 8; ++misalignment) {
    const test::GuardedBuffer<std::byte> moved(tile, misalignment);
    States states{};
    tile_states(moved.span(), 3, states);
    EXPECT_EQ(states, expected) << misalignment;
  }
}

TEST(Tile, PositionsCoverTheTileOnceAndInvert) {
  std::set<std::pair<int, int>> seen;
  for (int p = 0; p < kTileWeights; ++p) {
    const auto [row, col] = tile_position(p);
    EXPECT_TRUE(row >= 0 && row < kTileSide && col >= 0 && col < kTileSide);
    EXPECT_EQ(tile_index(row, col), p);
    seen.emplace(row, col);
  }
  EXPECT_EQ(seen.size(), 256U);
}

TEST(Tile, PositionsAreInTensorCoreOrder) {
  // lanes 0, 1 and 4 as the format description tabulates them
  constexpr std::array<std::pair<int, TilePosition>, 11> kTable = {{{0, {0, 0}},
                                                                    {1, {1, 0}},
                                                                    {2, {8, 0}},
                                                                    {3, {9, 0}},
                                                                    {4, {0, 8}},
                                                                    {7, {9, 8}},
                                                                    {8, {2, 0}},
                                                                    {10, {10, 0}},
                                                                    {32, {0, 1}},
                                                                    {36, {0, 9}},
                                                                    {39, {9, 9}}}};
  for (const auto& [p, expected] : kTable) {
    EXPECT_EQ(tile_position(p).row, expected.row) << p;
    EXPECT_EQ(tile_position(p).col, expected.col) << p;
  }
}

TEST(Tile, RefusesOtherBitsAndSizes) {
  States states{};
  std::vector<std::byte> bytes(tile_bytes(8) + 1);
  for (const int bits : {-1, 0, 9, 1 << 30}) {
    EXPECT_EQ(test::error_of([&] { tile_states(bytes, bits, states); }).code(), ErrorCode::kInvalidArgument) << bits;
    EXPECT_EQ(test::error_of([&] { decode_tile(bytes, bits, Codebook::kMcg, states); }).code(),
              ErrorCode::kInvalidArgument)
        << bits;
    EXPECT_EQ(test::error_of([&] { pack_tile(states, bits, bytes); }).code(), ErrorCode::kInvalidArgument) << bits;
    EXPECT_EQ(test::error_of([&] { is_tail_biting(states, bits); }).code(), ErrorCode::kInvalidArgument) << bits;
  }
  for (const std::size_t size : {std::size_t{0}, tile_bytes(4) - 1, tile_bytes(4) + 1}) {
    const std::span<std::byte> wrong = std::span(bytes).first(size);
    EXPECT_EQ(test::error_of([&] { tile_states(wrong, 4, states); }).code(), ErrorCode::kInvalidArgument) << size;
    EXPECT_EQ(test::error_of([&] { pack_tile(states, 4, wrong); }).code(), ErrorCode::kInvalidArgument) << size;
  }
  const std::span<std::byte> right = std::span(bytes).first(tile_bytes(4));
  EXPECT_EQ(test::error_of([&] { decode_tile(right, 4, static_cast<Codebook>(9), states); }).code(),
            ErrorCode::kInvalidArgument);
}

TEST(Tile, RefusesToPackABrokenRing) {
  std::vector<std::byte> tile = published_tile(5);
  States states{};
  tile_states(tile, 5, states);
  for (const std::size_t step : {std::size_t{0}, std::size_t{100}, std::size_t{255}}) {
    States broken = states;
    broken[step] ^= 0x8000;  // an old bit, so that it contradicts the step before
    EXPECT_FALSE(is_tail_biting(broken, 5)) << step;
    EXPECT_EQ(test::error_of([&] { pack_tile(broken, 5, tile); }).code(), ErrorCode::kInvalidArgument) << step;
  }
}

}  // namespace
}  // namespace marlin
