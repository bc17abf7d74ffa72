// SPDX-License-Identifier: Apache-2.0
#include "runtime/line_table.h"

#include <algorithm>
#include <mutex>
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
namespace {

struct Table {
  std::mutex mutex;
  std::vector<Row> rows;  // in the order of addresses

  void add(const Row* begin, const Row* end) {
    rows.insert(rows.end(), begin, end);
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.address < b.address; });
  }
};

// Begins with the rows linked into this program.
Table& table() {
  static Table* instance = [] {
    auto* made = new Table;  // for good: kernels may run until the program's last moment
    const Row* begin = __start_msl_lines;
    const Row* end = __stop_msl_lines;
    if (begin != nullptr) made->add(begin, end);
    return made;
  }();
  return *instance;
}

}  // namespace

Line line_of(const void* return_address) {
  const std::lock_guard lock(table().mutex);
  const std::vector<Row>& rows = table().rows;
  const auto found = std::lower_bound(rows.begin(), rows.end(), return_address,
                                      [](const Row& row, const void* address) { return row.address < address; });
  if (found == rows.end() || found->address != return_address) return {};
  return {found->file, static_cast<std::uint32_t>(found->line)};
}

void add_lines(const void* begin, const void* end) {
  const std::lock_guard lock(table().mutex);
  if (begin != nullptr) table().add(static_cast<const Row*>(begin), static_cast<const Row*>(end));
}

}  // namespace msl
