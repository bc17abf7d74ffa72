// SPDX-License-Identifier: Apache-2.0
// One EXL3 linear layer as it lies in a file, and its meaning:
//   y = (((x * suh) Hb) What Hb) * svh,   Hb = H / sqrt(128) per block of 128 channels,   What[in][out] = decoded
//   tiles.
// Used by weight binding (checks), tests and the quantiser. Weights are [in][out], the transpose of HuggingFace's; suh
// and svh are real scales with signs, not +-1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "trellis/codebook.h"

namespace marlin {

/// Both dimensions of a stored layer are padded to multiples of this.
inline constexpr std::int64_t kLayerAlignment = 128;

/// Dimensions of a layer, padded as stored, and its bits per weight.
struct Exl3Shape {
  std::int64_t in = 0;
  std::int64_t out = 0;
  int bits = 0;

  /// Bytes of the trellis tensor. Requires a checked shape.
  [[nodiscard]] std::size_t trellis_bytes() const;
};

/// A layer's stored bytes, not owned, at any alignment.
struct Exl3View {
  std::string_view name = "EXL3 layer";  ///< module name, for error messages
  Exl3Shape shape;
  Codebook codebook = Codebook::k3Inst;
  std::span<const std::byte> trellis;  ///< [in/16][out/16] tiles of 32 * bits bytes
  std::span<const std::byte> suh;      ///< [in] fp16: input scales with signs
  std::span<const std::byte> svh;      ///< [out] fp16: output scales with signs
};

/// Reads (in/16, out/16, 16*bits), the trellis tensor's shape. Throws kBadFile, naming the layer, when it is no such
/// shape.
Exl3Shape exl3_shape(std::span<const std::int64_t> trellis_shape, std::string_view name);

/// Throws kBadFile, naming the layer, unless dimensions are positive multiples of 128, bits 1..8, all sizes match and
/// every scale is finite. Throws kUnsupported for an unknown codebook. Reads the scales, not the trellis.
void check_layer(const Exl3View& layer);

/// What: [in][out] fp16 bits, bit exact. Checks the layer first.
std::vector<std::uint16_t> decode_layer(const Exl3View& layer);

/// W with y = x W, row-major [in][out], in double. Checks the layer first.
std::vector<double> effective_weight(const Exl3View& layer);

/// The same for `decoded` weights [in][out] of the caller's, whatever the layer's trellis says.
std::vector<double> effective_weight(const Exl3View& layer, std::vector<double> decoded);

/// Expands a `su` or `sv` tensor of very early files, 16-bit little-endian words whose bit i (lowest first) is channel
/// 16 * word + i: fp16 bits of -1 where set, +1 where clear. Throws kBadFile when the size is odd.
std::vector<std::uint16_t> expand_sign_mask(std::span<const std::byte> words, std::string_view name);

}  // namespace marlin
