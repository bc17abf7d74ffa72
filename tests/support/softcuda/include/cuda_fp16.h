// SPDX-License-Identifier: Apache-2.0
// binary16 as CUDA C++ has it. Every operation rounds once, to nearest, ties to even: sums and products by way of a
// float, whose 24 bits make the second rounding harmless; fma by way of a float rounded to odd.
#pragma once

#include <cuda_runtime.h>

#include <bit>
#include <cmath>
#include <cstdint>

struct __half {
  std::uint16_t bits_;

  __half() = default;
  __half(float x);
  explicit operator float() const;
};

struct alignas(4) __half2 {
  __half x, y;
};

struct __half_raw {
  unsigned short x;
};

using half = __half;
using half2 = __half2;

namespace softcuda {

constexpr __half half_of_bits(unsigned bits) {
  __half result{};
  result.bits_ = static_cast<std::uint16_t>(bits);
  return result;
}

/// Exact. Without a branch: whole matrices are converted.
inline float float_of_half(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16U;
  const std::uint32_t rest = (bits & 0x7FFFU) << 13U;
  // 2^112 times what these bits say as a float: right for subnormal numbers too. Infinity and NaN become 2^16 and more.
  const auto scaled = std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest) * 0x1p112F);
  const std::uint32_t beyond = rest >= 0x0F800000U ? 0x7F800000U : 0U;
  return std::bit_cast<float>(sign | scaled | beyond);
}

inline std::uint16_t half_bits(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const auto sign = static_cast<std::uint16_t>(bits >> 16U & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return 0x7FFFU;                                      // the GPU's only NaN
  if (magnitude >= 0x477FF000U) return static_cast<std::uint16_t>(sign | 0x7C00U);  // from 65520 on
  if (magnitude < 0x38800000U) {                                                    // below 2^-14
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;                   // the sum's last bit weighs 2^-24
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3F000000U));
  }
  const std::uint32_t rounded = magnitude + 0xFFFU + (magnitude >> 13U & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13U));
}

/// To float, with the last bit set if that is not exact; rounding that to binary16 rounds the double.
inline float float_rounded_to_odd(double x) {
  const auto nearest = static_cast<float>(x);
  const auto bits = std::bit_cast<std::uint32_t>(nearest);
  if (static_cast<double>(nearest) == x || !std::isfinite(nearest) || (bits & 1U) != 0) return nearest;
  const bool below = std::fabs(static_cast<double>(nearest)) < std::fabs(x);
  return std::bit_cast<float>(below ? bits + 1 : bits - 1);
}

inline __half half_fma(__half a, __half b, __half c) {
  const double product = static_cast<double>(float_of_half(a.bits_)) * static_cast<double>(float_of_half(b.bits_));
  // A double holds all bits, or drops some of a product too small to matter beside c.
  const double sum = product + static_cast<double>(float_of_half(c.bits_));
  return half_of_bits(half_bits(float_rounded_to_odd(sum)));
}

}  // namespace softcuda

inline __half::__half(float x) : bits_(softcuda::half_bits(x)) {}
inline __half::operator float() const { return softcuda::float_of_half(bits_); }

inline float __half2float(__half x) { return softcuda::float_of_half(x.bits_); }
inline __half __float2half_rn(float x) { return __half(x); }
inline __half __float2half(float x) { return __half(x); }
inline __half2 __floats2half2_rn(float x, float y) { return {__half(x), __half(y)}; }
inline __half2 __float2half2_rn(float x) { return {__half(x), __half(x)}; }
inline __half2 __float22half2_rn(float2 v) { return {__half(v.x), __half(v.y)}; }
inline float2 __half22float2(__half2 v) { return {__half2float(v.x), __half2float(v.y)}; }
inline float __low2float(__half2 v) { return __half2float(v.x); }
inline float __high2float(__half2 v) { return __half2float(v.y); }
inline __half __low2half(__half2 v) { return v.x; }
inline __half __high2half(__half2 v) { return v.y; }
inline __half2 __half2half2(__half x) { return {x, x}; }
inline __half2 __halves2half2(__half x, __half y) { return {x, y}; }
inline __half2 make_half2(__half x, __half y) { return {x, y}; }
inline unsigned short __half_as_ushort(__half x) { return x.bits_; }
inline short __half_as_short(__half x) { return static_cast<short>(x.bits_); }
inline __half __ushort_as_half(unsigned short bits) { return softcuda::half_of_bits(bits); }
inline __half __short_as_half(short bits) { return softcuda::half_of_bits(static_cast<unsigned short>(bits)); }

inline __half __hadd(__half a, __half b) { return __half(__half2float(a) + __half2float(b)); }
inline __half __hsub(__half a, __half b) { return __half(__half2float(a) - __half2float(b)); }
inline __half __hmul(__half a, __half b) { return __half(__half2float(a) * __half2float(b)); }
inline __half __hfma(__half a, __half b, __half c) { return softcuda::half_fma(a, b, c); }
inline __half __hneg(__half a) { return softcuda::half_of_bits(a.bits_ ^ 0x8000U); }
inline __half2 __hadd2(__half2 a, __half2 b) { return {__hadd(a.x, b.x), __hadd(a.y, b.y)}; }
inline __half2 __hsub2(__half2 a, __half2 b) { return {__hsub(a.x, b.x), __hsub(a.y, b.y)}; }
inline __half2 __hmul2(__half2 a, __half2 b) { return {__hmul(a.x, b.x), __hmul(a.y, b.y)}; }
inline __half2 __hfma2(__half2 a, __half2 b, __half2 c) { return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)}; }
inline __half2 __hneg2(__half2 a) { return {__hneg(a.x), __hneg(a.y)}; }
