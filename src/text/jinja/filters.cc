// SPDX-License-Identifier: Apache-2.0
// The four groups of filters as one table, and attribute paths. An unknown filter is an error only where it is reached,
// as templates name filters of newer hosts in branches that older ones never take.
#include "text/jinja/filters.h"

#include <algorithm>
#include <charconv>

#include "text/jinja/access.h"

namespace marlin::jinja {
namespace {

const Filter* find_filter(std::string_view name) {
  for (const auto lookup : {find_text_filter, find_list_filter, find_choice_filter, find_value_filter}) {
    if (const Filter* found = lookup(name)) return found;
  }
  return nullptr;
}

}  // namespace

bool is_filter(std::string_view name) { return find_filter(name) != nullptr; }

Value apply_filter(Heap& heap, std::string_view name, const Value& value, const Arguments& arguments) {
  const Filter* filter = find_filter(name);
  if (filter == nullptr) raise("no filter named '{}'", name.substr(0, 80));
  heap.step();
  if (value.is_string()) heap.scan(value.text().size());
  return filter->apply(heap, value, arguments);
}

Value attribute_at(Heap& heap, const Value& value, const Value& path) {
  if (path.is_integer()) return get_item(heap, value, path);
  if (!path.is_string()) raise("an attribute name must be str or int, not {}", path.type_name());
  Value at = value;
  std::string_view rest = path.bytes();
  while (true) {
    heap.step();
    const std::size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    std::int64_t index = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool is_index = !part.empty() && part[0] != '-' && error == std::errc() && end == part.data() + part.size();
    at = get_item(heap, at, is_index ? Value::integer(index) : heap.string(std::string(part)));
    if (dot == std::string_view::npos) return at;
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace marlin::jinja
