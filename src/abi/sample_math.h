// SPDX-License-Identifier: Apache-2.0
// The sampler's arithmetic, the same bits on every processor and in every language that compiles it (C++, MSL, CUDA): a
// few float operations that IEEE 754 specifies exactly (one add, subtract, multiplication by a power of two or fma at a
// time, never a product that a compiler could contract with a sum), everything else in integers. Nothing depends on
// whether subnormal numbers are flushed to zero, or on comparisons of infinities. Used by src/sampling and by every
// backend's sample_f32.
#pragma once

#include <cstdint>
#if !defined(__METAL_VERSION__) && !defined(__CUDA_ARCH__)
#include <bit>
#include <cmath>
#endif

#if defined(__CUDACC__)
#define MARLIN_KERNEL_INLINE __host__ __device__ inline
#else
#define MARLIN_KERNEL_INLINE inline
#endif

namespace marlin::abi {

// Bits of the largest token's weight, 1 << kWeightBits. Sums of 2^23 weights stay below 2^63.
enum : std::uint32_t { kWeightBits = 40, kMaxSampleTokens = 1U << 23U };

MARLIN_KERNEL_INLINE std::uint32_t float_bits(float x) {
#if defined(__METAL_VERSION__)
  return as_type<uint>(x);
#elif defined(__CUDA_ARCH__)
  return __float_as_uint(x);
#else
  return std::bit_cast<std::uint32_t>(x);
#endif
}

MARLIN_KERNEL_INLINE float float_of_bits(std::uint32_t bits) {
#if defined(__METAL_VERSION__)
  return as_type<float>(bits);
#elif defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  return std::bit_cast<float>(bits);
#endif
}

MARLIN_KERNEL_INLINE float fused_multiply_add(float a, float b, float c) {
#if defined(__METAL_VERSION__)
  return metal::fma(a, b, c);
#elif defined(__CUDA_ARCH__)
  return __fmaf_rn(a, b, c);
#else
  return std::fma(a, b, c);
#endif
}

enum : std::uint32_t { kInfinityBits = 0x7F800000U, kNegativeInfinityBits = 0xFF800000U };

MARLIN_KERNEL_INLINE bool is_nan_bits(std::uint32_t bits) { return (bits & 0x7FFFFFFFU) > kInfinityBits; }

/// +0 for everything below 2^-125: with operands and results so treated, it makes no difference whether the processor
/// flushes subnormal numbers, or when it rounds.
MARLIN_KERNEL_INLINE float settled(float x) {
  const std::uint32_t bits = float_bits(x);
  return float_of_bits((bits & kInfinityBits) <= 0x00800000U ? 0U : bits);
}

/// Place of a logit in the order, smaller is better; never NaN. Zeros of both signs are equal.
MARLIN_KERNEL_INLINE std::uint32_t logit_key(float logit) {
  const std::uint32_t stored = float_bits(logit);
  const std::uint32_t bits = stored == 0x80000000U ? 0U : stored;
  // As integers negative floats order backwards, as wanted, and positive ones forwards: their bits below the sign are
  // inverted. Without a branch, which the signs of logits would mispredict.
  return bits ^ (((bits >> 31U) - 1U) & 0x7FFFFFFFU);
}

/// The logit that has this key.
MARLIN_KERNEL_INLINE float logit_of_key(std::uint32_t key) {
  return float_of_bits(key ^ (((key >> 31U) - 1U) & 0x7FFFFFFFU));
}

/// `bias` is settled, or -infinity.
MARLIN_KERNEL_INLINE float biased_logit(float logit, float bias) {
  return float_bits(bias) == kNegativeInfinityBits ? bias : settled(settled(logit) + bias);
}

/// Of a token that was seen and generated `count` times. All arguments but the logit are settled.
MARLIN_KERNEL_INLINE float penalized_logit(float logit, std::int32_t count, float positive_factor,
                                           float negative_factor, float presence_penalty, float frequency_penalty) {
  const float x = settled(logit);
  const bool is_positive = float_bits(x) - 1U < 0x7FFFFFFFU;
  const float penalty =
      count > 0 ? settled(fused_multiply_add(frequency_penalty, static_cast<float>(count), presence_penalty)) : 0.0F;
  return settled(fused_multiply_add(x, is_positive ? positive_factor : negative_factor, -penalty));
}

// Weights: 2^-x in units of 2^-kWeightBits, where x = (max - logit) log2(e) / temperature. First the distance max -
// logit becomes an integer, scaled by a power of two so that distances that still weigh something are below 2^30; then
// x is a product of integers with kExponentBits behind the point.

enum : std::uint32_t { kExponentBits = 27, kDistanceFactorBits = 28 };

/// Distances are cut off at `limit`, which is integral, positive and weighs nothing. `scale` is a power of two from
/// 2^-100 to 2^100, so that what flushing could change is far below 1.
MARLIN_KERNEL_INLINE std::uint32_t token_distance(float max, float logit, float scale, float limit) {
  const float distance = (max - logit) * scale;
  const std::uint32_t bits = float_bits(distance) & 0x7FFFFFFFU;  // -0 when both are zeros of different signs
  return static_cast<std::uint32_t>(float_of_bits(bits < float_bits(limit) ? bits : float_bits(limit)));
}

// Horner's scheme for 2^-f, 0 <= f < 1, all coefficients positive and below 2^32: 1 - f (c1 - f (c2 - ...)). A minimax
// polynomial of the relative error, which is 2^-28.1 with all roundings. It never grows with f and ends
// at no less than 1/2 (checked for every f).
enum : std::uint32_t {
  kExp2Coefficient1 = 2977043973U,
  kExp2Coefficient2 = 1031755804U,
  kExp2Coefficient3 = 238330987U,
  kExp2Coefficient4 = 41142264U,
  kExp2Coefficient5 = 5475002U,
  kExp2Coefficient6 = 468251U,
};

/// 2^-x in units of 2^-kWeightBits, cut to an integer; x < 64 has kExponentBits behind the point.
MARLIN_KERNEL_INLINE std::uint64_t weight_of_exponent(std::uint64_t x) {
  const std::uint64_t f = x & ((1U << kExponentBits) - 1U);
  std::uint64_t p = kExp2Coefficient6;
  p = kExp2Coefficient5 - ((f * p) >> kExponentBits);
  p = kExp2Coefficient4 - ((f * p) >> kExponentBits);
  p = kExp2Coefficient3 - ((f * p) >> kExponentBits);
  p = kExp2Coefficient2 - ((f * p) >> kExponentBits);
  p = kExp2Coefficient1 - ((f * p) >> kExponentBits);
  p = (std::uint64_t{1} << 32U) - ((f * p) >> kExponentBits);
  return (p << (kWeightBits - 32U)) >> (x >> kExponentBits);
}

/// `max` is finite and at least `logit`, which may be -infinity and weighs nothing then. A larger logit never weighs
/// less. The relative error is below 2^-20, and one unit.
MARLIN_KERNEL_INLINE std::uint64_t token_weight(float max, float logit, float scale, float limit,
                                                std::uint32_t factor) {
  const std::uint64_t distance = token_distance(max, logit, scale, limit);
  return weight_of_exponent((distance * factor) >> kDistanceFactorBits);
}

/// Least mass that the tokens kept by top-p reach: ceil(mass * top_p / 2^32).
MARLIN_KERNEL_INLINE std::uint64_t top_p_target(std::uint64_t mass, std::uint32_t top_p) {
  const std::uint64_t low = (mass & 0xFFFFFFFFU) * top_p;
  return (mass >> 32U) * top_p + (low >> 32U) + ((low & 0xFFFFFFFFU) != 0 ? 1U : 0U);
}

// Random numbers: SplitMix64 (Steele, Lea and Flood, 2014), a counter through a 64-bit mixer.

MARLIN_KERNEL_INLINE std::uint64_t random_bits_of(std::uint64_t state) {
  std::uint64_t z = state;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

/// The state after `state`; random_bits_of() it are the next 64 random bits.
MARLIN_KERNEL_INLINE std::uint64_t next_random(std::uint64_t state) { return state + 0x9E3779B97F4A7C15U; }

/// floor(random * total / 2^64): uniform below `total`, the chance of each number is 1 / total up to 2^-64.
MARLIN_KERNEL_INLINE std::uint64_t random_below(std::uint64_t random, std::uint64_t total) {
  const std::uint64_t a_low = random & 0xFFFFFFFFU;
  const std::uint64_t a_high = random >> 32U;
  const std::uint64_t b_low = total & 0xFFFFFFFFU;
  const std::uint64_t b_high = total >> 32U;
  const std::uint64_t cross = a_high * b_low + ((a_low * b_low) >> 32U);
  return a_high * b_high + (cross >> 32U) + ((a_low * b_high + (cross & 0xFFFFFFFFU)) >> 32U);
}

}  // namespace marlin::abi
