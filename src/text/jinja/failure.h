// SPDX-License-Identifier: Apache-2.0
// How the inside of the engine reports an error: Failure has no place yet; Template adds its name and the line and
// throws marlin::Error. Messages follow Python's and Jinja2's, because template authors search for those.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace marlin::jinja {

/// An error without its place. Never leaves the engine. A lexer or parser knows the line and sets it; 0: the current
/// one.
struct Failure {
  std::string message;
  int line = 0;
};

/// Throws Failure with a message made as by fmt::format.
template <typename... Args>
[[noreturn]] void raise(fmt::format_string<Args...> format, Args&&... args) {
  throw Failure{fmt::format(format, std::forward<Args>(args)...)};
}

/// Throws Failure at a known line of the template.
template <typename... Args>
[[noreturn]] void raise_at(int line, fmt::format_string<Args...> format, Args&&... args) {
  throw Failure{fmt::format(format, std::forward<Args>(args)...), line};
}

}  // namespace marlin::jinja
