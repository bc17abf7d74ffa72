// SPDX-License-Identifier: Apache-2.0
// Where in the source something was called from. As std::source_location, which clang before 16 does not have.
#pragma once

namespace marlin {

struct CallSite {
  const char* file = "";
  int line = 0;

  /// As a default argument: the place of the call.
  static constexpr CallSite current(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

}  // namespace marlin
