// SPDX-License-Identifier: Apache-2.0
// Code points in UTF-8 strings, as Python's str counts them. Used by the string methods, filters and repr. Broken UTF-8
// is never rejected here: a code point is a byte that is no continuation byte with the continuation bytes after it, and
// its value is U+FFFD if that is no proper encoding, so that counting, slicing and decoding always agree.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace marlin::jinja {

/// One code point of a string and how many bytes it takes.
struct CodePoint {
  char32_t value;
  std::size_t bytes;
};

/// The code point that begins at byte `position` (which must lie inside `text`).
CodePoint code_point_at(std::string_view text, std::size_t position);
/// The code point that ends at byte `end` (1 <= end <= size).
CodePoint code_point_before(std::string_view text, std::size_t end);
/// Number of code points: Python's len().
std::size_t count_code_points(std::string_view text);
/// Byte offsets of all code points, and the size as last element.
std::vector<std::size_t> code_point_offsets(std::string_view text);
/// Byte offset of code point `index`, or the size of the text when there are fewer.
std::size_t code_point_offset(std::string_view text, std::size_t index);

void append_code_point(std::string& out, char32_t value);

/// str.isspace() of one code point; also what strip() and split() take as whitespace.
bool is_space(char32_t value);
bool is_alpha(char32_t value);
bool is_digit(char32_t value);
bool is_upper(char32_t value);
bool is_lower(char32_t value);
/// False where repr() escapes.
bool is_printable(char32_t value);
/// Full mapping of one code point ('ß' becomes "SS").
std::string upper_of(char32_t value);
std::string lower_of(char32_t value);

/// Byte offset of the first `needle` at or after `from`, or npos. Linear time whatever the strings.
std::size_t find_bytes(std::string_view text, std::string_view needle, std::size_t from);

}  // namespace marlin::jinja
