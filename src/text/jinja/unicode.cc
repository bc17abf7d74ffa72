// SPDX-License-Identifier: Apache-2.0
// Code points by hand, their properties by utf8proc. ASCII never reaches utf8proc.
#include "text/jinja/unicode.h"

#include <utf8proc.h>

namespace marlin::jinja {
namespace {

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

constexpr std::size_t kLongNeedle = 32;

// Knuth-Morris-Pratt: std::string_view::find is quadratic on hostile pairs of long strings.
std::size_t find_long(std::string_view text, std::string_view needle, std::size_t from) {
  std::vector<std::size_t> fallback(needle.size(), 0);
  for (std::size_t i = 1, k = 0; i < needle.size(); ++i) {
    while (k > 0 && needle[i] != needle[k]) k = fallback[k - 1];
    if (needle[i] == needle[k]) ++k;
    fallback[i] = k;
  }
  for (std::size_t i = from, k = 0; i < text.size(); ++i) {
    while (k > 0 && text[i] != needle[k]) k = fallback[k - 1];
    if (text[i] == needle[k]) ++k;
    if (k == needle.size()) return i + 1 - k;
  }
  return std::string_view::npos;
}

}  // namespace

CodePoint code_point_at(std::string_view text, std::size_t position) {
  const auto first = static_cast<unsigned char>(text[position]);
  if (first < 0x80 && (position + 1 == text.size() || !is_continuation(text[position + 1]))) return {first, 1};
  std::size_t end = position + 1;
  while (end < text.size() && is_continuation(text[end])) ++end;
  const std::size_t bytes = end - position;
  utf8proc_int32_t value = -1;
  const utf8proc_ssize_t used = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + position,
                                                 static_cast<utf8proc_ssize_t>(bytes), &value);
  if (used != static_cast<utf8proc_ssize_t>(bytes) || value < 0) return {U'\uFFFD', bytes};
  return {static_cast<char32_t>(value), bytes};
}

CodePoint code_point_before(std::string_view text, std::size_t end) {
  std::size_t start = end - 1;
  while (start > 0 && is_continuation(text[start])) --start;
  return code_point_at(text.substr(0, end), start);
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char byte : text) count += is_continuation(byte) ? 0 : 1;
  return count + (!text.empty() && is_continuation(text[0]) ? 1 : 0);
}

std::vector<std::size_t> code_point_offsets(std::string_view text) {
  std::vector<std::size_t> offsets;
  offsets.reserve(text.size() + 1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == 0 || !is_continuation(text[i])) offsets.push_back(i);
  }
  offsets.push_back(text.size());
  return offsets;
}

std::size_t code_point_offset(std::string_view text, std::size_t index) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i != 0 && is_continuation(text[i])) continue;
    if (index == 0) return i;
    --index;
  }
  return text.size();
}

void append_code_point(std::string& out, char32_t value) {
  utf8proc_uint8_t bytes[4] = {};
  const utf8proc_ssize_t count = utf8proc_encode_char(static_cast<utf8proc_int32_t>(value), bytes);
  for (utf8proc_ssize_t i = 0; i < count; ++i) out.push_back(static_cast<char>(bytes[i]));
}

bool is_space(char32_t value) {
  if (value <= 0x20) return value == 0x20 || (value >= 0x09 && value <= 0x0D) || (value >= 0x1C && value <= 0x1F);
  return value == 0x85 || value == 0xA0 || value == 0x1680 || (value >= 0x2000 && value <= 0x200A) || value == 0x2028 ||
         value == 0x2029 || value == 0x202F || value == 0x205F || value == 0x3000;
}

bool is_alpha(char32_t value) {
  if (value < 0x80) return (value >= U'a' && value <= U'z') || (value >= U'A' && value <= U'Z');
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(value));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool is_digit(char32_t value) {
  if (value < 0x80) return value >= U'0' && value <= U'9';
  return utf8proc_category(static_cast<utf8proc_int32_t>(value)) == UTF8PROC_CATEGORY_ND;
}

bool is_upper(char32_t value) { return utf8proc_isupper(static_cast<utf8proc_int32_t>(value)) != 0; }
bool is_lower(char32_t value) { return utf8proc_islower(static_cast<utf8proc_int32_t>(value)) != 0; }

bool is_printable(char32_t value) {
  if (value < 0x80) return value >= 0x20 && value < 0x7F;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(value))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

std::string upper_of(char32_t value) {
  if (value == U'\u00DF') return "SS";
  std::string out;
  append_code_point(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(value))));
  return out;
}

std::string lower_of(char32_t value) {
  std::string out;
  append_code_point(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(value))));
  return out;
}

std::size_t find_bytes(std::string_view text, std::string_view needle, std::size_t from) {
  if (from > text.size()) return std::string_view::npos;
  return needle.size() < kLongNeedle ? text.find(needle, from) : find_long(text, needle, from);
}

}  // namespace marlin::jinja
