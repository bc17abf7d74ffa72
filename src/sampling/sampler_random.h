// SPDX-License-Identifier: Apache-2.0
// The sampler's random numbers (SplitMix64, src/abi/sample_math.h) as an object. Our own, because the distributions of
// the standard library differ between implementations and a seed must mean the same text everywhere.
#pragma once

#include <cstdint>

#include "abi/sample_math.h"

namespace marlin {

class SamplerRandom {
 public:
  explicit SamplerRandom(std::uint64_t seed) : state_(abi::random_bits_of(seed)) {}

  /// 64 uniform bits.
  std::uint64_t next() {
    state_ = abi::next_random(state_);
    return abi::random_bits_of(state_);
  }

  /// Uniform in [0, 1), a multiple of 2^-53.
  double uniform() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

  /// What a sampler that continues here keeps.
  [[nodiscard]] std::uint64_t state() const { return state_; }

 private:
  std::uint64_t state_;
};

}  // namespace marlin
