// SPDX-License-Identifier: Apache-2.0
// Scalar codebooks. Everything is summed in double, where it is exact, so the conversion to fp16 is the only rounding.
#include "trellis/codebook.h"

#include "base/error.h"
#include "base/half.h"

namespace marlin {
namespace {

double sum_of_pair(std::uint32_t product) {
  const std::uint32_t pair = (product & kPairMask) ^ kPairFlip;
  const double low = half_to_float(static_cast<std::uint16_t>(pair & 0xFFFFU));
  const double high = half_to_float(static_cast<std::uint16_t>(pair >> 16));
  return low + high;
}

double affine_of_byte_sum(std::uint32_t product) {
  const std::uint32_t sum = (product & 0xFFU) + ((product >> 8) & 0xFFU) + ((product >> 16) & 0xFFU) + (product >> 24);
  const double scale = half_to_float(kMul1ScaleBits);
  const double offset = half_to_float(kMul1OffsetBits);
  return (1024.0 + sum) * scale + offset;
}

}  // namespace

double unrounded_weight(std::uint16_t state, Codebook codebook) {
  const std::uint32_t s = state;
  switch (codebook) {
    case Codebook::k3Inst:
      return sum_of_pair(s * k3InstMultiplier + k3InstAddend);
    case Codebook::kMcg:
      return sum_of_pair(s * kMcgMultiplier);
    case Codebook::kMul1:
      return affine_of_byte_sum(s * kMul1Multiplier);
  }
  fail(ErrorCode::kInvalidArgument, "codebook number {} is none of 0 (3inst), 1 (mcg), 2 (mul1)",
       static_cast<std::uint32_t>(codebook));
}

std::uint16_t decode_state(std::uint16_t state, Codebook codebook) {
  return double_to_half(unrounded_weight(state, codebook));
}

std::string_view codebook_name(Codebook codebook) {
  switch (codebook) {
    case Codebook::k3Inst:
      return "3inst";
    case Codebook::kMcg:
      return "mcg";
    case Codebook::kMul1:
      return "mul1";
  }
  fail(ErrorCode::kInvalidArgument, "codebook number {} is none of 0 (3inst), 1 (mcg), 2 (mul1)",
       static_cast<std::uint32_t>(codebook));
}

Codebook parse_codebook(std::string_view name) {
  for (const Codebook codebook : {Codebook::k3Inst, Codebook::kMcg, Codebook::kMul1}) {
    if (codebook_name(codebook) == name) return codebook;
  }
  fail(ErrorCode::kUnsupported, "unknown EXL3 codebook '{}': this engine reads 3inst, mcg and mul1", name);
}

void check_codebook_marker(Codebook codebook, std::uint32_t value, std::string_view tensor) {
  if (codebook == Codebook::k3Inst) {
    fail(ErrorCode::kUnsupported, "tensor '{}' marks a codebook, but 3inst layers have no marker", tensor);
  }
  const std::uint32_t expected = codebook == Codebook::kMcg ? kMcgMultiplier : kMul1Multiplier;
  if (value != expected) {
    fail(ErrorCode::kUnsupported,
         "tensor '{}' holds the codebook constant {:#010x}, but {} is {:#010x}: the file was made with an experimental "
         "codebook, quantise the model again",
         tensor, value, codebook_name(codebook), expected);
  }
}

}  // namespace marlin
