// SPDX-License-Identifier: Apache-2.0
// The sampler's random numbers: SplitMix64 (Steele, Lea and Flood, 2014), a counter through a 64-bit mixer. Our own,
// because the distributions of the standard library differ between implementations and a seed must mean the same text
// everywhere.
#pragma once

#include <cstdint>

namespace marlin {

class SamplerRandom {
 public:
  explicit SamplerRandom(std::uint64_t seed) : state_(mix(seed)) {}

  /// 64 uniform bits.
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    return mix(state_);
  }

  /// Uniform in [0, 1), a multiple of 2^-53.
  double uniform() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

 private:
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }

  std::uint64_t state_;
};

}  // namespace marlin
