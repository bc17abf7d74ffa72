// SPDX-License-Identifier: Apache-2.0
#include "tests/support/exl3_layer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/half.h"
#include "tests/support/random_tensor.h"
#include "trellis/tile.h"

namespace marlin::test {
namespace {

std::vector<std::byte> random_scales(std::int64_t count, double scale, Random& random) {
  std::vector<std::uint16_t> bits(static_cast<std::size_t>(count));
  std::generate(bits.begin(), bits.end(), [&] {
    const double magnitude = scale * random.uniform(0.5, 1.5);
    return double_to_half((random.next() & 1U) != 0 ? -magnitude : magnitude);
  });
  return to_bytes(bits);
}

std::vector<std::byte> spec_scales(std::uint32_t seed, std::int64_t count) {
  std::vector<std::uint16_t> bits = lcg_words(seed, static_cast<std::size_t>(count));
  std::transform(bits.begin(), bits.end(), bits.begin(), [](std::uint16_t word) {
    const double magnitude = 0.5 + (word & 0xFF) / 256.0;
    return double_to_half((word & 0x8000) != 0 ? -magnitude : magnitude);
  });
  return to_bytes(bits);
}

}  // namespace

Exl3View Exl3Layer::view() const { return {"test layer", shape, codebook, trellis, suh, svh}; }

Exl3Layer random_exl3_layer(std::int64_t in, std::int64_t out, int bits, Codebook codebook, std::uint64_t seed) {
  Random random(seed);
  Exl3Layer layer{{in, out, bits}, codebook, {}, {}, {}, {}};
  layer.trellis = random.bytes(layer.shape.trellis_bytes());
  layer.suh = random_scales(in, 1.0 / std::sqrt(static_cast<double>(in)), random);
  layer.svh = random_scales(out, 1.0, random);
  layer.weight = effective_weight(layer.view());
  return layer;
}

std::vector<double> unrounded_effective_weight(const Exl3View& layer) {
  const auto n_out = static_cast<std::size_t>(layer.shape.out);
  const std::size_t stride = tile_bytes(layer.shape.bits);
  std::vector<double> decoded(static_cast<std::size_t>(layer.shape.in) * n_out);
  std::array<std::uint16_t, kTileWeights> states{};
  for (std::size_t offset = 0; offset < layer.trellis.size(); offset += stride) {
    tile_states(layer.trellis.subspan(offset, stride), layer.shape.bits, states);
    const std::size_t tile = offset / stride;
    const std::size_t top = tile / (n_out / kTileSide) * kTileSide;
    const std::size_t left = tile % (n_out / kTileSide) * kTileSide;
    for (int p = 0; p < kTileWeights; ++p) {
      const TilePosition at = tile_position(p);
      decoded[(top + static_cast<std::size_t>(at.row)) * n_out + left + static_cast<std::size_t>(at.col)] =
          unrounded_weight(states[static_cast<std::size_t>(p)], layer.codebook);
    }
  }
  return effective_weight(layer, std::move(decoded));
}

Exl3Layer spec_exl3_layer(int bits, Codebook codebook) {
  const auto k = static_cast<std::uint32_t>(bits);
  Exl3Layer layer{{256, 384, bits}, codebook, {}, {}, {}, {}};
  layer.trellis = to_bytes(lcg_words(1000 + k, layer.shape.trellis_bytes() / 2));
  layer.suh = spec_scales(2000 + k, layer.shape.in);
  layer.svh = spec_scales(3000 + k, layer.shape.out);
  layer.weight = effective_weight(layer.view());
  return layer;
}

std::vector<double> spec_exl3_input(int bits) {
  std::vector<double> x;
  for (const std::uint16_t word : lcg_words(4000U + static_cast<std::uint32_t>(bits), 256)) {
    x.push_back(half_to_float(double_to_half((word - 32768.0) / 32768.0)));
  }
  return x;
}

std::vector<std::uint16_t> lcg_words(std::uint32_t seed, std::size_t count) {
  std::vector<std::uint16_t> words(count);
  std::uint32_t state = seed;
  for (std::uint16_t& word : words) {
    state = state * 1664525U + 1013904223U;
    word = static_cast<std::uint16_t>(state >> 16);
  }
  return words;
}

std::vector<std::byte> to_bytes(const std::vector<std::uint16_t>& words) {
  std::vector<std::byte> bytes;
  bytes.reserve(2 * words.size());
  for (const std::uint16_t word : words) {
    bytes.push_back(static_cast<std::byte>(word & 0xFF));
    bytes.push_back(static_cast<std::byte>(word >> 8));
  }
  return bytes;
}

}  // namespace marlin::test
