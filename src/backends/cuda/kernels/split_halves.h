// SPDX-License-Identifier: Apache-2.0
// Floats as sums of two binary16 numbers, for products on tensor cores: x = (high + low) / factor, with a power of two
// for many x that brings the largest near the upper end of binary16. What is lost is below 2^-22 of each x, or below
// 2^-39 of the largest.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace marlin::cuda {

struct SplitScale {
  float factor;
  float inverse;
};

/// For numbers up to `largest`, which may be 0. An infinity or NaN gets some factor, and stays what it is.
__device__ inline SplitScale split_scale(float largest) {
  constexpr std::uint32_t kTop = 127 + 14;  // exponents up to 14: below 32768
  const std::uint32_t exponent = __float_as_uint(largest) >> 23 & 255;
  const std::uint32_t wanted = 127 + kTop - exponent;
  const std::uint32_t factor = wanted < 253 ? wanted : 253;
  return {__uint_as_float(factor << 23), __uint_as_float((254 - factor) << 23)};
}

/// Two neighbours, as registers of mma.h hold them.
struct SplitPair {
  std::uint32_t high;
  std::uint32_t low;
};

__device__ inline std::uint32_t bits_of(__half2 x) { return *reinterpret_cast<const std::uint32_t*>(&x); }
__device__ inline __half2 half2_of(std::uint32_t bits) { return *reinterpret_cast<const __half2*>(&bits); }

__device__ inline SplitPair split_pair(float x, float y, float factor) {
  x *= factor;
  y *= factor;
  const __half2 high = __floats2half2_rn(x, y);
  const float2 taken = __half22float2(high);
  return {bits_of(high), bits_of(__floats2half2_rn(x - taken.x, y - taken.y))};
}

}  // namespace marlin::cuda
