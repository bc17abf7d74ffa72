// SPDX-License-Identifier: Apache-2.0
// String methods that look for text: find, count, replace, startswith...; and strip, which looks for what to drop.
#include <algorithm>
#include <optional>

#include "text/jinja/arguments.h"
#include "text/jinja/methods.h"
#include "text/jinja/string_edit.h"
#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

// The part of a string that optional start and end arguments select, as byte offsets.
struct Range {
  std::size_t begin;
  std::size_t end;
  bool valid;  // false when start lies beyond the end: then not even "" is found
};

Range selected(const std::string& bytes, const BoundArguments& bound, std::size_t start_index) {
  if (bound.unless_none(start_index) == nullptr && bound.unless_none(start_index + 1) == nullptr) {
    return {0, bytes.size(), true};
  }
  const auto length = static_cast<std::int64_t>(count_code_points(bytes));
  const auto resolve = [&](std::size_t index, std::int64_t otherwise) {
    std::int64_t value = bound.unless_none(index) == nullptr ? otherwise : bound.integer(index);
    if (value < 0) value = std::max<std::int64_t>(0, value + length);
    return value;
  };
  const std::int64_t start = resolve(start_index, 0);
  const std::int64_t end = std::min(resolve(start_index + 1, length), length);
  if (start > end) return {0, 0, false};
  return {code_point_offset(bytes, static_cast<std::size_t>(start)),
          code_point_offset(bytes, static_cast<std::size_t>(end)), true};
}

// Byte offset of the argument in self, or npos.
std::size_t locate(Heap& heap, const Value& self, const BoundArguments& bound, bool last) {
  const std::string& needle = bound.text(0).bytes();
  heap.walk((self.text().size() + needle.size()) / 4);
  const Range range = selected(self.bytes(), bound, 1);
  if (!range.valid) return std::string::npos;
  const std::string_view text = std::string_view(self.bytes()).substr(0, range.end);
  if (!last) return find_bytes(text, needle, range.begin);
  // The first in the reversed text: linear, which std::string::rfind is not.
  const std::string reversed(text.rbegin(), text.rend() - static_cast<std::ptrdiff_t>(range.begin));
  const std::size_t found = find_bytes(reversed, std::string(needle.rbegin(), needle.rend()), 0);
  return found == std::string::npos ? found : range.end - found - needle.size();
}

Value position(const Value& self, std::size_t offset) {
  if (offset == std::string::npos) return Value::integer(std::int64_t{-1});
  return Value::integer(count_code_points(std::string_view(self.bytes()).substr(0, offset)));
}

Value find(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("find", arguments, {"sub", "start", "end"}, 1);
  return position(self, locate(heap, self, bound, false));
}

Value rfind(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("rfind", arguments, {"sub", "start", "end"}, 1);
  return position(self, locate(heap, self, bound, true));
}

Value index(Heap& heap, const Value& self, const Arguments& arguments) {
  Value found = find(heap, self, arguments);
  if (found.as_integer() < 0) raise("substring not found");
  return found;
}

Value rindex(Heap& heap, const Value& self, const Arguments& arguments) {
  Value found = rfind(heap, self, arguments);
  if (found.as_integer() < 0) raise("substring not found");
  return found;
}

Value count(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("count", arguments, {"sub", "start", "end"}, 1);
  const std::string& needle = bound.text(0).bytes();
  heap.walk((self.text().size() + needle.size()) / 4);
  const Range range = selected(self.bytes(), bound, 1);
  if (!range.valid) return Value::integer(std::int64_t{0});
  const std::string_view text = std::string_view(self.bytes()).substr(range.begin, range.end - range.begin);
  if (needle.empty()) return Value::integer(count_code_points(text) + 1);
  std::int64_t total = 0;
  for (std::size_t at = find_bytes(text, needle, 0); at != std::string::npos;
       at = find_bytes(text, needle, at + needle.size())) {
    heap.step();
    ++total;
  }
  return Value::integer(total);
}

// startswith and endswith take one string or a tuple of them.
Value has_affix(Heap& heap, const Value& self, const Arguments& arguments, std::string_view name, bool at_start) {
  const BoundArguments bound(name, arguments, {"affix", "start", "end"}, 1);
  heap.scan(self.text().size());
  const Range range = selected(self.bytes(), bound, 1);
  if (!range.valid) return Value::boolean(false);
  const std::string_view text = std::string_view(self.bytes()).substr(range.begin, range.end - range.begin);
  const auto matches = [&](const std::string& affix) {
    heap.step();
    if (affix.size() > text.size()) return false;
    return text.substr(at_start ? 0 : text.size() - affix.size(), affix.size()) == affix;
  };
  const Value& wanted = *bound.get(0);
  if (!wanted.is_sequence() || wanted.sequence().kind != SequenceKind::kTuple)
    return Value::boolean(matches(bound.text(0).bytes()));
  const std::vector<Value>& affixes = wanted.sequence().items;
  return Value::boolean(std::any_of(affixes.begin(), affixes.end(), [&](const Value& affix) {
    if (!affix.is_string()) raise("tuple for {} must only contain str, not {}", name, affix.type_name());
    return matches(affix.bytes());
  }));
}

Value startswith(Heap& heap, const Value& self, const Arguments& arguments) {
  return has_affix(heap, self, arguments, "startswith", true);
}
Value endswith(Heap& heap, const Value& self, const Arguments& arguments) {
  return has_affix(heap, self, arguments, "endswith", false);
}

Value replace(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("replace", arguments, {"old", "new", "count"}, 2);
  return heap.string(replaced(heap, self.text(), bound.text(0), bound.text(1), bound.integer_or(2, -1)));
}

Value remove_affix(Heap& heap, const Value& self, const Arguments& arguments, std::string_view name, bool at_start) {
  const BoundArguments bound(name, arguments, {"affix"}, 1);
  const std::string& affix = bound.text(0).bytes();
  const MarkedText& text = self.text();
  const std::size_t offset = at_start ? 0 : text.size() - std::min(affix.size(), text.size());
  if (affix.empty() || text.bytes().compare(offset, affix.size(), affix) != 0) return self;
  return heap.string(at_start ? text.slice(affix.size(), text.size()) : text.slice(0, offset));
}

Value removeprefix(Heap& heap, const Value& self, const Arguments& arguments) {
  return remove_affix(heap, self, arguments, "removeprefix", true);
}
Value removesuffix(Heap& heap, const Value& self, const Arguments& arguments) {
  return remove_affix(heap, self, arguments, "removesuffix", false);
}

Value strip_sides(Heap& heap, const Value& self, const Arguments& arguments, std::string_view name, bool left,
                  bool right) {
  const BoundArguments bound(name, arguments, {"chars"});
  const std::string* characters = bound.unless_none(0) == nullptr ? nullptr : &bound.text(0).bytes();
  heap.scan(self.text().size());
  return heap.string(stripped(heap, self.text(), characters, left, right));
}

Value strip(Heap& heap, const Value& self, const Arguments& arguments) {
  return strip_sides(heap, self, arguments, "strip", true, true);
}
Value lstrip(Heap& heap, const Value& self, const Arguments& arguments) {
  return strip_sides(heap, self, arguments, "lstrip", true, false);
}
Value rstrip(Heap& heap, const Value& self, const Arguments& arguments) {
  return strip_sides(heap, self, arguments, "rstrip", false, true);
}

constexpr Method kMethods[] = {{"count", count},
                               {"endswith", endswith},
                               {"find", find},
                               {"index", index},
                               {"lstrip", lstrip},
                               {"removeprefix", removeprefix},
                               {"removesuffix", removesuffix},
                               {"replace", replace},
                               {"rfind", rfind},
                               {"rindex", rindex},
                               {"rstrip", rstrip},
                               {"startswith", startswith},
                               {"strip", strip}};

}  // namespace

const Method* find_search_method(std::string_view name) {
  const Method* found =
      std::find_if(std::begin(kMethods), std::end(kMethods), [&](const Method& method) { return method.name == name; });
  return found == std::end(kMethods) ? nullptr : found;
}

}  // namespace marlin::jinja
