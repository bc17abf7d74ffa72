// SPDX-License-Identifier: Apache-2.0
// Template source to tokens. All whitespace control (`-`, `+`, trim_blocks, lstrip_blocks, the last newline) happens
// here, so the parser sees text exactly as it will be printed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace marlin::jinja {

enum class TokenKind : std::uint8_t {
  kText,        ///< text outside tags
  kPrintBegin,  ///< {{
  kPrintEnd,    ///< }}
  kTagBegin,    ///< {%
  kTagEnd,      ///< %}
  kName,
  kString,   ///< value without quotes, escapes resolved
  kInteger,  ///< value without underscores
  kReal,
  kOperator,
  kEnd,  ///< the last token
};

struct Token {
  TokenKind kind;
  std::string text;
  int line;

  /// Is it this operator, or this name?
  [[nodiscard]] bool is_operator(std::string_view symbol) const {
    return kind == TokenKind::kOperator && text == symbol;
  }
  [[nodiscard]] bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
};

/// Throws Failure with the line. The result is never empty.
std::vector<Token> tokenize(std::string_view source);

}  // namespace marlin::jinja
