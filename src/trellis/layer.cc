// SPDX-License-Identifier: Apache-2.0
// Checks come first and use only arithmetic that cannot overflow, since shapes come from files.
#include "trellis/layer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/half.h"
#include "trellis/hadamard.h"
#include "trellis/tile.h"

namespace marlin {
namespace {

constexpr std::int64_t kMaxDimension = std::int64_t{1} << 30;
constexpr std::uint16_t kHalfOne = 0x3C00;
constexpr std::uint16_t kHalfMinusOne = 0xBC00;

void check_dimension(std::int64_t size, std::string_view axis, std::string_view name) {
  if (size <= 0 || size > kMaxDimension || size % kLayerAlignment != 0) {
    fail(ErrorCode::kBadFile, "EXL3 layer '{}': the {} dimension is {}, not a positive multiple of {}", name, axis,
         size, kLayerAlignment);
  }
}

void check_shape(const Exl3Shape& shape, std::string_view name) {
  check_dimension(shape.in, "input", name);
  check_dimension(shape.out, "output", name);
  if (shape.bits < kMinTrellisBits || shape.bits > kMaxTrellisBits) {
    fail(ErrorCode::kBadFile, "EXL3 layer '{}': {} bits per weight, only 1 to 8 exist", name, shape.bits);
  }
}

std::uint16_t scale_bits(std::span<const std::byte> scales, std::size_t channel) {
  std::array<std::byte, 2> raw{};
  std::memcpy(raw.data(), scales.data() + 2 * channel, raw.size());
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(raw[0]) | std::to_integer<unsigned>(raw[1]) << 8);
}

void check_scales(std::span<const std::byte> scales, std::int64_t channels, std::string_view tensor,
                  std::string_view name) {
  const auto count = static_cast<std::size_t>(channels);
  if (scales.size() != 2 * count) {
    fail(ErrorCode::kBadFile, "EXL3 layer '{}': tensor {} has {} bytes, {} channels of fp16 need {}", name, tensor,
         scales.size(), count, 2 * count);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(half_to_float(scale_bits(scales, i)))) {
      fail(ErrorCode::kBadFile, "EXL3 layer '{}': scale {} of tensor {} is not a finite number", name, i, tensor);
    }
  }
}

}  // namespace

std::size_t Exl3Shape::trellis_bytes() const {
  const std::int64_t n_tiles = (in / kTileSide) * (out / kTileSide);
  return static_cast<std::size_t>(n_tiles) * tile_bytes(bits);
}

Exl3Shape exl3_shape(std::span<const std::int64_t> trellis_shape, std::string_view name) {
  if (trellis_shape.size() != 3) {
    fail(ErrorCode::kBadFile, "EXL3 layer '{}': its trellis has {} dimensions instead of 3", name,
         trellis_shape.size());
  }
  constexpr std::int64_t kMaxTiles = kMaxDimension / kTileSide;
  const std::int64_t words = trellis_shape[2];
  if (std::clamp<std::int64_t>(trellis_shape[0], 1, kMaxTiles) != trellis_shape[0] ||
      std::clamp<std::int64_t>(trellis_shape[1], 1, kMaxTiles) != trellis_shape[1] || words % kTileSide != 0 ||
      std::clamp<std::int64_t>(words / kTileSide, kMinTrellisBits, kMaxTrellisBits) != words / kTileSide) {
    fail(ErrorCode::kBadFile, "EXL3 layer '{}': trellis of shape ({}, {}, {}) instead of (in/16, out/16, 16 * bits)",
         name, trellis_shape[0], trellis_shape[1], words);
  }
  const Exl3Shape shape{trellis_shape[0] * kTileSide, trellis_shape[1] * kTileSide,
                        static_cast<int>(words / kTileSide)};
  check_shape(shape, name);
  return shape;
}

void check_layer(const Exl3View& layer) {
  check_shape(layer.shape, layer.name);
  if (layer.codebook > Codebook::kMul1) {
    fail(ErrorCode::kUnsupported, "EXL3 layer '{}': unknown codebook number {}", layer.name,
         static_cast<std::uint32_t>(layer.codebook));
  }
  if (layer.trellis.size() != layer.shape.trellis_bytes()) {
    fail(ErrorCode::kBadFile, "EXL3 layer '{}': its trellis has {} bytes, {} x {} weights of {} bits need {}",
         layer.name, layer.trellis.size(), layer.shape.in, layer.shape.out, layer.shape.bits,
         layer.shape.trellis_bytes());
  }
  check_scales(layer.suh, layer.shape.in, "suh", layer.name);
  check_scales(layer.svh, layer.shape.out, "svh", layer.name);
}

std::vector<std::uint16_t> decode_layer(const Exl3View& layer) {
  check_layer(layer);
  const auto n_in = static_cast<std::size_t>(layer.shape.in);
  const auto n_out = static_cast<std::size_t>(layer.shape.out);
  const std::size_t stride = tile_bytes(layer.shape.bits);
  std::vector<std::uint16_t> weights(n_in * n_out);
  std::array<std::uint16_t, kTileWeights> tile{};
  std::size_t offset = 0;
  for (std::size_t top = 0; top < n_in; top += kTileSide) {
    for (std::size_t left = 0; left < n_out; left += kTileSide, offset += stride) {
      decode_tile(layer.trellis.subspan(offset, stride), layer.shape.bits, layer.codebook, tile);
      for (std::size_t row = 0; row < kTileSide; ++row) {
        std::copy_n(tile.data() + row * kTileSide, kTileSide, weights.data() + (top + row) * n_out + left);
      }
    }
  }
  return weights;
}

std::vector<double> effective_weight(const Exl3View& layer) {
  const std::vector<std::uint16_t> inner = decode_layer(layer);
  std::vector<double> weights(inner.size());
  std::transform(inner.begin(), inner.end(), weights.begin(), half_to_float);
  return effective_weight(layer, std::move(weights));
}

std::vector<double> effective_weight(const Exl3View& layer, std::vector<double> weights) {
  const auto n_in = static_cast<std::size_t>(layer.shape.in);
  const auto n_out = static_cast<std::size_t>(layer.shape.out);
  hadamard_128_columns(weights, n_out);
  hadamard_128(std::span<double>(weights));
  constexpr double kBothSides = 1.0 / kHadamardSize;  // kRsqrt128 squared, exactly
  for (std::size_t i = 0; i < n_in; ++i) {
    const double row_scale = half_to_float(scale_bits(layer.suh, i)) * kBothSides;
    for (std::size_t j = 0; j < n_out; ++j)
      weights[i * n_out + j] *= row_scale * half_to_float(scale_bits(layer.svh, j));
  }
  return weights;
}

std::vector<std::uint16_t> expand_sign_mask(std::span<const std::byte> words, std::string_view name) {
  if (words.size() % 2 != 0) {
    fail(ErrorCode::kBadFile, "EXL3 sign tensor '{}' has {} bytes, an odd number, but consists of 16-bit words", name,
         words.size());
  }
  std::vector<std::uint16_t> signs(words.size() * 8);
  for (std::size_t channel = 0; channel < signs.size(); ++channel) {
    // little-endian words: byte order and bit order agree
    const unsigned bit = (std::to_integer<unsigned>(words[channel / 8]) >> (channel % 8)) & 1U;
    signs[channel] = bit != 0 ? kHalfMinusOne : kHalfOne;
  }
  return signs;
}

}  // namespace marlin
