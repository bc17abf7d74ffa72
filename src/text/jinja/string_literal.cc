// SPDX-License-Identifier: Apache-2.0
// Escapes as in Python's non-raw strings, except \N{name}, which stays as it is written.
#include "text/jinja/string_literal.h"

#include <charconv>

#include "text/jinja/failure.h"
#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

// The code point of `digits` hexadecimal digits at `from`.
char32_t hexadecimal(std::string_view body, std::size_t from, std::size_t digits, int line) {
  const std::string_view text = body.substr(std::min(from, body.size()), digits);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  const bool valid = text.size() == digits && error == std::errc() && end == text.data() + digits;
  if (!valid || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
    raise_at(line, "bad escape in string: needs {} hexadecimal digits of a Unicode character", digits);
  }
  return value;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

}  // namespace

std::string unescape_string(std::string_view body, int line) {
  constexpr std::string_view kLetters = "ntrabfv\\'\"";
  constexpr std::string_view kMeanings = "\n\t\r\a\b\f\v\\'\"";
  std::string out;
  out.reserve(body.size());
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\\' || i + 1 == body.size()) {
      out.push_back(body[i]);
      continue;
    }
    const char letter = body[++i];
    const std::size_t known = kLetters.find(letter);
    if (known != std::string_view::npos) {
      out.push_back(kMeanings[known]);
    } else if (letter == 'x' || letter == 'u' || letter == 'U') {
      const std::size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : 8;
      append_code_point(out, hexadecimal(body, i + 1, digits, line));
      i += digits;
    } else if (is_octal(letter)) {
      std::uint32_t value = 0;
      std::size_t digits = 0;
      for (; digits < 3 && i + digits < body.size() && is_octal(body[i + digits]); ++digits) {
        value = value * 8 + static_cast<std::uint32_t>(body[i + digits] - '0');
      }
      append_code_point(out, value);
      i += digits - 1;
    } else if (letter != '\n') {
      out.push_back('\\');
      out.push_back(letter);
    }
  }
  return out;
}

}  // namespace marlin::jinja
