// SPDX-License-Identifier: Apache-2.0
// String methods that take strings apart and put them together: split, partition, splitlines, join.
#include <algorithm>

#include "text/jinja/access.h"
#include "text/jinja/arguments.h"
#include "text/jinja/methods.h"
#include "text/jinja/string_edit.h"
#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

using Cut = std::pair<std::size_t, std::size_t>;  // bytes [begin, end) of one part

// Parts between whitespace, at most `limit` splits (negative: all) counted from the given side; the rest stays whole.
std::vector<Cut> cut_at_spaces(const std::string& bytes, std::int64_t limit, bool from_right) {
  std::vector<Cut> words;
  std::size_t begin = std::string::npos;
  for (std::size_t i = 0; i < bytes.size();) {
    const CodePoint point = code_point_at(bytes, i);
    if (is_space(point.value)) {
      if (begin != std::string::npos) words.emplace_back(begin, i);
      begin = std::string::npos;
    } else if (begin == std::string::npos) {
      begin = i;
    }
    i += point.bytes;
  }
  if (begin != std::string::npos) words.emplace_back(begin, bytes.size());
  if (limit < 0 || words.size() <= static_cast<std::size_t>(limit) + 1) return words;
  const auto kept = static_cast<std::size_t>(limit);
  if (from_right) {  // the rest reaches from the start of the string to the last word it holds, leading spaces included
    const std::size_t rest_end = words[words.size() - kept - 1].second;
    words.erase(words.begin(), words.end() - static_cast<std::ptrdiff_t>(kept));
    words.insert(words.begin(), {0, rest_end});
  } else {
    const std::size_t rest_begin = words[kept].first;
    words.resize(kept);
    words.emplace_back(rest_begin, bytes.size());
  }
  return words;
}

std::vector<Cut> cut_at(Heap& heap, const std::string& bytes, const std::string& separator, std::int64_t limit) {
  std::vector<Cut> parts;
  std::size_t begin = 0;
  while (limit != 0) {
    const std::size_t found = find_bytes(bytes, separator, begin);
    if (found == std::string::npos) break;
    heap.step();
    heap.scan(separator.size());
    parts.emplace_back(begin, found);
    begin = found + separator.size();
    --limit;
  }
  parts.emplace_back(begin, bytes.size());
  return parts;
}

// Cuts the reversed text at the reversed separator: linear, which std::string::rfind is not.
std::vector<Cut> cut_at_from_right(Heap& heap, const std::string& bytes, const std::string& separator,
                                   std::int64_t limit) {
  std::vector<Cut> parts =
      cut_at(heap, std::string(bytes.rbegin(), bytes.rend()), std::string(separator.rbegin(), separator.rend()), limit);
  std::reverse(parts.begin(), parts.end());
  for (Cut& cut : parts) cut = {bytes.size() - cut.second, bytes.size() - cut.first};
  return parts;
}

Value list_of(Heap& heap, const MarkedText& text, const std::vector<Cut>& cuts) {
  heap.check_size(cuts.size() * sizeof(Value));
  std::vector<Value> items;
  items.reserve(cuts.size());
  for (const auto& [begin, end] : cuts) {
    heap.step();
    items.push_back(heap.string(text.slice(begin, end)));
  }
  return heap.sequence(std::move(items));
}

Value split_from(Heap& heap, const Value& self, const Arguments& arguments, std::string_view name, bool from_right) {
  const BoundArguments bound(name, arguments, {"sep", "maxsplit"});
  const std::int64_t limit = bound.integer_or(1, -1);
  heap.walk(self.text().size() / 4);
  if (bound.unless_none(0) == nullptr) {
    return list_of(heap, self.text(), cut_at_spaces(self.bytes(), limit, from_right));
  }
  const std::string& separator = bound.text(0).bytes();
  if (separator.empty()) raise("empty separator");
  return list_of(heap, self.text(),
                 from_right && limit >= 0 ? cut_at_from_right(heap, self.bytes(), separator, limit)
                                          : cut_at(heap, self.bytes(), separator, limit));
}

Value split(Heap& heap, const Value& self, const Arguments& arguments) {
  return split_from(heap, self, arguments, "split", false);
}
Value rsplit(Heap& heap, const Value& self, const Arguments& arguments) {
  return split_from(heap, self, arguments, "rsplit", true);
}

Value splitlines(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("splitlines", arguments, {"keepends"});
  std::vector<Value> items;
  for (MarkedText& line : split_lines(heap, self.text(), bound.truthy_or(0, false))) {
    heap.step();
    items.push_back(heap.string(std::move(line)));
  }
  return heap.sequence(std::move(items));
}

Value part_in_three(Heap& heap, const Value& self, const Arguments& arguments, std::string_view name, bool from_right) {
  const BoundArguments bound(name, arguments, {"sep"}, 1);
  const MarkedText& text = self.text();
  const std::string& separator = bound.text(0).bytes();
  if (separator.empty()) raise("empty separator");
  heap.scan(4 * text.size());
  const std::vector<Cut> cuts =
      from_right ? cut_at_from_right(heap, text.bytes(), separator, 1) : cut_at(heap, text.bytes(), separator, 1);
  std::vector<Value> parts(3, heap.string(""));
  if (cuts.size() == 2) {
    parts[0] = heap.string(text.slice(cuts[0].first, cuts[0].second));
    parts[1] = heap.string(text.slice(cuts[0].second, cuts[1].first));
    parts[2] = heap.string(text.slice(cuts[1].first, cuts[1].second));
  } else {
    parts[from_right ? 2 : 0] = self;
  }
  return heap.sequence(std::move(parts), SequenceKind::kTuple);
}

Value partition(Heap& heap, const Value& self, const Arguments& arguments) {
  return part_in_three(heap, self, arguments, "partition", false);
}
Value rpartition(Heap& heap, const Value& self, const Arguments& arguments) {
  return part_in_three(heap, self, arguments, "rpartition", true);
}

Value join(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("join", arguments, {"iterable"}, 1);
  Joiner joiner(heap, self.text());
  const SequenceRef items = iterate(heap, *bound.get(0));
  for (const Value& item : items->items) {
    if (!item.is_string()) raise("join: expected str instance, {} found", item.type_name());
    joiner.add(item.text());
  }
  return heap.string(joiner.take());
}

constexpr Method kMethods[] = {{"join", join},     {"partition", partition}, {"rpartition", rpartition},
                               {"rsplit", rsplit}, {"split", split},         {"splitlines", splitlines}};

}  // namespace

const Method* find_split_method(std::string_view name) {
  const Method* found =
      std::find_if(std::begin(kMethods), std::end(kMethods), [&](const Method& method) { return method.name == name; });
  return found == std::end(kMethods) ? nullptr : found;
}

}  // namespace marlin::jinja
