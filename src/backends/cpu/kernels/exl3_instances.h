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

/// multiply.operator()<kRows>(first) for four rows at a time, then for what is left of n.
template <typename Multiply>
void in_groups_of_rows(std::uint32_t n, Multiply multiply) {
  std::uint32_t row = 0;
  for (; row + 4 <= n; row += 4) multiply.template operator()<4>(row);
  switch (n - row) {
    case 1:
      return multiply.template operator()<1>(row);
    case 2:
      return multiply.template operator()<2>(row);
    case 3:
      return multiply.template operator()<3>(row);
    default:
      return;
  }
}

}  // namespace marlin::cpu
