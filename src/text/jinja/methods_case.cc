// SPDX-License-Identifier: Apache-2.0
// String methods about letters: case, character classes, padding. Origins move with the characters they belong to.
#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/methods.h"
#include "text/jinja/string_case.h"
#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

template <MarkedText (*Convert)(const MarkedText&)>
Value converted(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("str method", arguments, {});
  heap.walk(self.text().size());
  return heap.string(Convert(self.text()));
}

// True if the string is not empty and every code point passes.
template <bool (*Accepts)(char32_t)>
Value all_are(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("str method", arguments, {});
  const std::string& bytes = self.bytes();
  heap.walk(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    const CodePoint point = code_point_at(bytes, i);
    if (!Accepts(point.value)) return Value::boolean(false);
    i += point.bytes;
  }
  return Value::boolean(!bytes.empty());
}

// isupper() and islower(): no letter of the other case, and at least one of this.
template <bool (*Wanted)(char32_t), bool (*Other)(char32_t)>
Value cased(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("str method", arguments, {});
  const std::string& bytes = self.bytes();
  heap.walk(bytes.size());
  bool any = false;
  for (std::size_t i = 0; i < bytes.size();) {
    const CodePoint point = code_point_at(bytes, i);
    if (Other(point.value)) return Value::boolean(false);
    any = any || Wanted(point.value);
    i += point.bytes;
  }
  return Value::boolean(any);
}

bool is_alnum(char32_t value) { return is_alpha(value) || is_digit(value); }

Value is_ascii(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("isascii", arguments, {});
  heap.walk(self.text().size());
  const std::string& bytes = self.bytes();
  return Value::boolean(
      std::all_of(bytes.begin(), bytes.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
}

// Pads to `width` code points: `left` and `right` say on which sides.
Value padded(Heap& heap, const Value& self, const Arguments& arguments, std::string_view name, bool left, bool right) {
  const BoundArguments bound(name, arguments, {"width", "fillchar"}, 1);
  const MarkedText fill = bound.get(1) == nullptr ? MarkedText(" ", false) : bound.text(1);
  if (count_code_points(fill.bytes()) != 1) raise("the fill character must be exactly one character long");
  const auto length = static_cast<std::int64_t>(count_code_points(self.bytes()));
  const std::int64_t missing = std::max<std::int64_t>(0, bound.integer(0) - length);
  heap.check_size(static_cast<std::size_t>(missing));
  // str.center puts the odd one to the left only when the width is odd.
  std::int64_t before = left ? missing : 0;
  if (left && right) before = missing / 2 + (missing & bound.integer(0) & 1);
  MarkedText out;
  for (std::int64_t i = 0; i < before; ++i) out.append(fill);
  out.append(self.text());
  for (std::int64_t i = before; right && i < missing; ++i) out.append(fill);
  return heap.string(std::move(out));
}

Value center(Heap& heap, const Value& self, const Arguments& arguments) {
  return padded(heap, self, arguments, "center", true, true);
}
Value ljust(Heap& heap, const Value& self, const Arguments& arguments) {
  return padded(heap, self, arguments, "ljust", false, true);
}
Value rjust(Heap& heap, const Value& self, const Arguments& arguments) {
  return padded(heap, self, arguments, "rjust", true, false);
}

Value zfill(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("zfill", arguments, {"width"}, 1);
  const MarkedText& text = self.text();
  const auto length = static_cast<std::int64_t>(count_code_points(text.bytes()));
  const auto missing = static_cast<std::size_t>(std::max<std::int64_t>(0, bound.integer(0) - length));
  heap.check_size(missing);
  const std::size_t sign = !text.empty() && (text.bytes()[0] == '-' || text.bytes()[0] == '+') ? 1 : 0;
  MarkedText out = text.slice(0, sign);
  out.append(std::string(missing, '0'), false);
  out.append(text, sign, text.size());
  return heap.string(std::move(out));
}

constexpr Method kMethods[] = {{"capitalize", converted<capitalized>},
                               {"casefold", converted<lowered>},
                               {"center", center},
                               {"format", format_braces},
                               {"isalnum", all_are<is_alnum>},
                               {"isalpha", all_are<is_alpha>},
                               {"isascii", is_ascii},
                               {"isdecimal", all_are<is_digit>},
                               {"isdigit", all_are<is_digit>},
                               {"islower", cased<is_lower, is_upper>},
                               {"isnumeric", all_are<is_digit>},
                               {"isprintable", all_are<is_printable>},
                               {"isspace", all_are<is_space>},
                               {"isupper", cased<is_upper, is_lower>},
                               {"ljust", ljust},
                               {"lower", converted<lowered>},
                               {"rjust", rjust},
                               {"swapcase", converted<swapped_case>},
                               {"title", converted<titled>},
                               {"upper", converted<uppered>},
                               {"zfill", zfill}};

}  // namespace

const Method* find_case_method(std::string_view name) {
  const Method* found =
      std::find_if(std::begin(kMethods), std::end(kMethods), [&](const Method& method) { return method.name == name; });
  return found == std::end(kMethods) ? nullptr : found;
}

}  // namespace marlin::jinja
