// SPDX-License-Identifier: Apache-2.0
#include "runtime/line_table.h"

#include <algorithm>
#include <vector>

namespace {

struct Row {
  const void* address;
  const char* file;
  std::uint64_t line;
};

}  // namespace

// The linker defines these for a section whose name is an identifier; absent without kernels.
extern "C" {
extern const Row __start_msl_lines[]
    __attribute__((weak, visibility("hidden")));  // NOLINT(bugprone-reserved-identifier)
extern const Row __stop_msl_lines[]
    __attribute__((weak, visibility("hidden")));  // NOLINT(bugprone-reserved-identifier)
}

namespace msl {

Line line_of(const void* return_address) {
  static const std::vector<Row> rows = [] {
    const Row* begin = __start_msl_lines;
    const Row* end = __stop_msl_lines;
    std::vector<Row> sorted;
    if (begin != nullptr) sorted.assign(begin, end);
    std::sort(sorted.begin(), sorted.end(), [](const Row& a, const Row& b) { return a.address < b.address; });
    return sorted;
  }();
  const auto found = std::lower_bound(rows.begin(), rows.end(), return_address,
                                      [](const Row& row, const void* address) { return row.address < address; });
  if (found == rows.end() || found->address != return_address) return {};
  return {found->file, static_cast<std::uint32_t>(found->line)};
}

}  // namespace msl
