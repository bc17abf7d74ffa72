// SPDX-License-Identifier: Apache-2.0
// Rows in groups whose size the compiler knows.
#pragma once

#include <cstdint>

namespace marlin::cpu {

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
