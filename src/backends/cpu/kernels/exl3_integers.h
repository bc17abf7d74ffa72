// SPDX-License-Identifier: Apache-2.0
// MUL1 layers are multiplied in integers: their weights are sums b of four bytes, w = (1774 b - 905216) / 2^18 up to a
// rounding to binary16 that the reference engine's integer paths leave out as well (it moves a weight by 3e-4 of the
// weights' RMS). Each 128 transformed inputs become 15-bit integers with a scale of their own; sums over 128 inputs are
// exact, and only their conversion to float rounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace marlin::cpu {

inline constexpr std::int32_t kByteSumCentre = 510;      // of b, which is 0..1020
inline constexpr float kByteSumStep = 1774.0F / 262144;  // of w for a step of b
inline constexpr float kByteSumRest = -476.0F / 262144;  // w at the centre
inline constexpr float kIntegerInputs = 32767;           // largest |x|

/// Inputs that are summed before anything is rounded: those of one Hadamard transform.
inline constexpr std::size_t kRunInputs = 128;

/// The inputs of a run of such a layer. sum of w x = scale * (sum of (b - centre) x) + remainder.
struct IntegerRun {
  alignas(16) std::int16_t x[kRunInputs];
  std::int32_t centring[4];  ///< [i]: -centre * sum of the x in rows 2i, 2i + 1 modulo 8, those of lanes i modulo 4
  float scale;
  float remainder;
};

/// A row of prepared inputs has room for floats; a run takes that of its 128.
static_assert(sizeof(IntegerRun) <= kRunInputs * sizeof(float));

/// Run `run` of a prepared row, which may lie at any address that floats do.
inline void copy_integer_run(const float* prepared, std::size_t run, IntegerRun& out) {
  std::memcpy(&out, prepared + run * kRunInputs, sizeof(out));
}

/// Its `remainder` alone.
inline float integer_run_remainder(const float* prepared, std::size_t run) {
  float remainder;
  std::memcpy(&remainder,
              reinterpret_cast<const std::byte*>(prepared + run * kRunInputs) + offsetof(IntegerRun, remainder),
              sizeof(remainder));
  return remainder;
}

}  // namespace marlin::cpu
