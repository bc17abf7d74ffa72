// SPDX-License-Identifier: Apache-2.0
// Backslash escapes in string literals of the template language. Used by the lexer.
#pragma once

#include <string>
#include <string_view>

namespace marlin::jinja {

/// Resolves Python's escapes (\n, \t, \xNN, \uNNNN, \UNNNNNNNN, octal, line continuation); unknown ones stay as they
/// are. Throws Failure at `line` for a broken \x, \u or \U.
std::string unescape_string(std::string_view body, int line);

}  // namespace marlin::jinja
