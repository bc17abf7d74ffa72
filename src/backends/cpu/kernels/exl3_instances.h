// SPDX-License-Identifier: Apache-2.0
// The instance of a template for a number that is known at run time.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "backends/cpu/kernels/exl3_sums.h"
#include "base/error.h"

namespace marlin::cpu {

/// sums.operator()<K>() for K = `bits`, 1 to 8.
template <typename Sums>
Exl3Sums instance_for_bits(std::uint32_t bits, Sums sums) {
  MARLIN_CHECK(bits >= 1 && bits <= 8);
  return [&]<int... kLess>(std::integer_sequence<int, kLess...>) {
    return std::array<Exl3Sums, 8>{sums.template operator()<kLess + 1>()...}[bits - 1];
  }
  (std::make_integer_sequence<int, 8>());
}

}  // namespace marlin::cpu
