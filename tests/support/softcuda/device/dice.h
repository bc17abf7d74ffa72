// SPDX-License-Identifier: Apache-2.0
// Cheap random numbers for schedules.
#pragma once

#include <bit>
#include <cstdint>

namespace softcuda {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  /// Below n, which is not 0.
  std::uint32_t below(std::uint32_t n) {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return static_cast<std::uint32_t>((z >> 32U) * n >> 32U);
  }

  /// The number of one of the bits that are set; one is.
  std::uint32_t set_bit_of(std::uint32_t bits) {
    for (std::uint32_t skip = below(static_cast<std::uint32_t>(std::popcount(bits))); skip > 0; --skip)
      bits &= bits - 1;
    return static_cast<std::uint32_t>(std::countr_zero(bits));
  }

 private:
  std::uint64_t state_;
};

}  // namespace softcuda
