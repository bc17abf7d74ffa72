// SPDX-License-Identifier: Apache-2.0
// The three EXL3 codebooks: how a 16-bit trellis state becomes an fp16 weight. Used by loading, tests and the
// quantiser; kernels have their own vector forms, judged against this one. There is no further scale: a codebook's RMS
// (1.24 or 1.00) is folded into the layer's input scales.
#pragma once

#include <cstdint>
#include <string_view>

namespace marlin {

/// Which arithmetic turns a state into a weight. The values are shared with kernels: do not renumber.
enum class Codebook : std::uint32_t { k3Inst = 0, kMcg = 1, kMul1 = 2 };

/// Multipliers mod 2^32; only 3INST adds. The last two are the values stored in the `mcg` and `mul1` marker tensors.
inline constexpr std::uint32_t k3InstMultiplier = 89226354U;
inline constexpr std::uint32_t k3InstAddend = 64248484U;
inline constexpr std::uint32_t kMcgMultiplier = 0xCBAC1FEDU;
inline constexpr std::uint32_t kMul1Multiplier = 0x83DCD12DU;

/// 3INST and MCG: the product, masked and flipped so, is two fp16 numbers whose sum is the weight.
inline constexpr std::uint32_t kPairMask = 0x8FFF8FFFU;
inline constexpr std::uint32_t kPairFlip = 0x3B603B60U;

/// MUL1: weight = fma(1024 + sum of the product's four bytes, scale, offset), all binary16, rounded once.
inline constexpr std::uint16_t kMul1ScaleBits = 0x1EEE;   // 0.00676727294921875
inline constexpr std::uint16_t kMul1OffsetBits = 0xC931;  // -10.3828125

/// The weight of a state before its one rounding to binary16.
double unrounded_weight(std::uint16_t state, Codebook codebook);

/// The weight of a state as fp16 bits, exactly as the format defines it. Never NaN or infinite.
std::uint16_t decode_state(std::uint16_t state, Codebook codebook);

/// "3inst", "mcg" or "mul1": the spelling of quantization_config and of the marker tensors.
std::string_view codebook_name(Codebook codebook);

/// Inverse of codebook_name. Throws kUnsupported for any other name.
Codebook parse_codebook(std::string_view name);

/// Checks the value of a layer's `mcg` or `mul1` marker tensor; `tensor` names it in the message. Throws kUnsupported
/// when it is another constant than the codebook's (a few files of 2025 have experimental ones) or when 3INST has a
/// marker.
void check_codebook_marker(Codebook codebook, std::uint32_t value, std::string_view tensor);

}  // namespace marlin
