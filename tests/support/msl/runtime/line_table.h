// SPDX-License-Identifier: Apache-2.0
// From the return address of a check to the line of the .metal file, out of the rows that the translator put into the
// objects (translator/line_table.py).
#pragma once

#include <cstdint>

namespace msl {

struct Line {
  const char* file = "?";
  std::uint32_t line = 0;
};

[[nodiscard]] Line line_of(const void* return_address);

/// Adds the table of an object loaded at run time: the rows from `begin` to `end`. They must stay.
void add_lines(const void* begin, const void* end);

}  // namespace msl
