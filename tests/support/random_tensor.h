// SPDX-License-Identifier: Apache-2.0
// Deterministic random tensors, the same with every standard library (std::normal_distribution is not). Values are
// exactly representable in the element type asked for, so converting them for a kernel loses nothing and the float64
// reference sees the same numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace marlin::test {

/// SplitMix64: small, fast, good enough, and any seed will do.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  double uniform(double low, double high);  ///< in [low, high)
  std::size_t below(std::size_t bound);     ///< in [0, bound); bound > 0
  double normal();                          ///< mean 0, variance 1
  std::vector<std::byte> bytes(std::size_t count);

 private:
  std::uint64_t state_;
};

enum class Element { kF32, kF16, kBf16 };

/// Value ranges that break careless kernels.
enum class Hostile {
  kHuge,       ///< magnitudes of a quarter to all of the largest finite value
  kTiny,       ///< within a factor of 4 of the smallest normal value
  kSubnormal,  ///< subnormal only
  kZeros,      ///< zeros of both signs
  kMixed,      ///< all of the above and ordinary values, mixed; both signs
};
inline constexpr Hostile kAllHostile[] = {Hostile::kHuge, Hostile::kTiny, Hostile::kSubnormal, Hostile::kZeros,
                                          Hostile::kMixed};

/// Nearest value of the element type (ties to even, overflow to infinity).
float round_to(Element element, double value);

std::vector<float> normal_tensor(std::size_t count, std::uint64_t seed, double scale = 1.0,
                                 Element element = Element::kF32);
std::vector<float> uniform_tensor(std::size_t count, std::uint64_t seed, double low, double high,
                                  Element element = Element::kF32);
std::vector<float> hostile_tensor(Hostile kind, std::size_t count, std::uint64_t seed, Element element = Element::kF32);

/// Bits of values that the type represents (others are rounded).
std::vector<std::uint16_t> to_halves(std::span<const float> values);
std::vector<std::uint16_t> to_bfloat16s(std::span<const float> values);

}  // namespace marlin::test
