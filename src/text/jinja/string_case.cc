// SPDX-License-Identifier: Apache-2.0
// One walk over the code points serves all six conversions; what differs is which of them become upper.
#include "text/jinja/string_case.h"

#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

// Rebuilds the text code point by code point; `choose(value)` says whether it becomes upper (true) or lower.
template <typename Choose>
MarkedText map_case(const MarkedText& text, Choose choose) {
  MarkedText out;
  const std::string& bytes = text.bytes();
  for (std::size_t i = 0; i < bytes.size();) {
    const CodePoint point = code_point_at(bytes, i);
    const bool upper = choose(point.value);
    if (point.value == U'\uFFFD') {
      out.append(text, i, i + point.bytes);  // may be broken UTF-8: keep the bytes
    } else if (point.value < 0x80) {
      auto c = static_cast<char>(point.value);
      if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
      if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      out.append({&c, 1}, text.from_input_at(i));
    } else {
      out.append(upper ? upper_of(point.value) : lower_of(point.value), text.from_input_at(i));
    }
    i += point.bytes;
  }
  return out;
}

}  // namespace

MarkedText uppered(const MarkedText& text) {
  return map_case(text, [](char32_t) { return true; });
}

MarkedText lowered(const MarkedText& text) {
  return map_case(text, [](char32_t) { return false; });
}

MarkedText swapped_case(const MarkedText& text) {
  return map_case(text, [](char32_t value) { return !is_upper(value); });
}

MarkedText capitalized(const MarkedText& text) {
  bool first = true;
  return map_case(text, [&](char32_t) { return std::exchange(first, false); });
}

MarkedText titled(const MarkedText& text) {
  bool after_letter = false;
  return map_case(text, [&](char32_t value) { return !std::exchange(after_letter, is_alpha(value)); });
}

MarkedText titled_words(const MarkedText& text) {
  bool start = true;
  return map_case(text, [&](char32_t value) {
    const bool separator = is_space(value) || std::u32string_view(U"-({[<").find(value) != std::u32string_view::npos;
    return std::exchange(start, separator);
  });
}

}  // namespace marlin::jinja
