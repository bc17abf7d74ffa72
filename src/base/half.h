// SPDX-License-Identifier: Apache-2.0
// Scalar conversions of the two 16-bit float formats, exact and with round-to-nearest-even. For tests, loading and
// table building; kernels convert whole vectors.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace marlin {

/// IEEE binary16 bits -> float, exact (NaN payloads kept in the high bits).
inline float half_to_float(std::uint16_t h) {
  const std::uint32_t sign = static_cast<std::uint32_t>(h & 0x8000U) << 16;
  const std::uint32_t exponent = (h >> 10) & 0x1FU;
  const std::uint32_t mantissa = h & 0x3FFU;
  if (exponent == 0x1FU) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
  if (exponent == 0) {  // zero and subnormals: mantissa * 2^-24
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112U) << 23) | (mantissa << 13));
}

/// double -> IEEE binary16 bits, one rounding to nearest even; overflow gives infinity.
inline std::uint16_t double_to_half(double value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7E00);
  const double magnitude = std::fabs(value);
  if (magnitude >= 65520.0) return static_cast<std::uint16_t>(sign | 0x7C00);
  int exponent = 0;
  std::frexp(magnitude, &exponent);                          // magnitude in [2^(exponent-1), 2^exponent)
  const int quantum = exponent < -13 ? -24 : exponent - 11;  // 2^quantum = spacing of binary16 there
  const double units = std::nearbyint(std::ldexp(magnitude, -quantum));
  if (units == 0.0) return sign;
  const auto integer = static_cast<std::uint32_t>(units);
  if (integer < 1024) return static_cast<std::uint16_t>(sign | integer);  // subnormal
  const bool carried = integer == 2048;
  const int biased = quantum + 10 + 15 + (carried ? 1 : 0);
  return static_cast<std::uint16_t>(sign | (biased << 10) | (carried ? 0 : (integer & 0x3FFU)));
}

inline std::uint16_t float_to_half(float value) { return double_to_half(static_cast<double>(value)); }

inline float bfloat16_to_float(std::uint16_t b) { return std::bit_cast<float>(static_cast<std::uint32_t>(b) << 16); }

}  // namespace marlin
