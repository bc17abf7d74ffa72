// SPDX-License-Identifier: Apache-2.0
// EXL3 layers for tests, with the float64 weight they mean: random ones, and the deterministic one of the format
// description's section 5.2. Any bits are a valid trellis, so nothing needs to be quantised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "trellis/layer.h"

namespace marlin::test {

/// A layer that owns its bytes. Pass view() on; it is valid while this is.
struct Exl3Layer {
  Exl3Shape shape;
  Codebook codebook = Codebook::kMul1;
  std::vector<std::byte> trellis;
  std::vector<std::byte> suh;
  std::vector<std::byte> svh;
  std::vector<double> weight;  ///< effective, [in][out]

  [[nodiscard]] Exl3View view() const;
};

/// Random codes; input scales of magnitude 0.5 to 1.5 over sqrt(in), output scales 0.5 to 1.5, random signs: for inputs
/// of RMS 1 outputs have an RMS near 1. `in` and `out` are multiples of 128.
Exl3Layer random_exl3_layer(std::int64_t in, std::int64_t out, int bits, Codebook codebook, std::uint64_t seed);

/// The effective weight of a layer whose weights are not rounded to binary16 (DeviceInfo::rounds_weights).
std::vector<double> unrounded_effective_weight(const Exl3View& layer);

/// Section 5.2: 256 x 384, every tensor from its own generator.
Exl3Layer spec_exl3_layer(int bits, Codebook codebook);

/// The input that goes with it, [256], every value exact in fp16.
std::vector<double> spec_exl3_input(int bits);

/// The generator of section 5: s <- s * 1664525 + 1013904223, emitting s >> 16 after each step.
std::vector<std::uint16_t> lcg_words(std::uint32_t seed, std::size_t count);

/// As stored in a file: little-endian.
std::vector<std::byte> to_bytes(const std::vector<std::uint16_t>& words);

}  // namespace marlin::test
