// SPDX-License-Identifier: Apache-2.0
// Methods of dicts and lists, and the dispatch by type.
#include "text/jinja/methods.h"

#include <algorithm>
#include <initializer_list>

#include "text/jinja/arguments.h"
#include "text/jinja/compare.h"

namespace marlin::jinja {
namespace {

Value dict_get(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("get", arguments, {"key", "default"}, 1);
  heap.step(bound.get(0)->is_string() ? 0 : self.dict().size());
  if (const Value* found = self.dict().find(*bound.get(0))) return *found;
  return bound.get(1) == nullptr ? Value() : *bound.get(1);
}

Value dict_items(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("items", arguments, {});
  std::vector<Value> pairs;
  pairs.reserve(self.dict().size());
  for (const auto& [key, value] : self.dict().entries()) {
    heap.step();
    pairs.push_back(heap.sequence({key, value}, SequenceKind::kTuple));
  }
  return heap.sequence(std::move(pairs), SequenceKind::kItems);
}

Value dict_keys(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("keys", arguments, {});
  std::vector<Value> keys;
  for (const auto& entry : self.dict().entries()) keys.push_back(entry.first);
  return heap.sequence(std::move(keys), SequenceKind::kKeys);
}

Value dict_values(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("values", arguments, {});
  std::vector<Value> values;
  for (const auto& entry : self.dict().entries()) values.push_back(entry.second);
  return heap.sequence(std::move(values), SequenceKind::kValues);
}

// Values do not change, so a copy is the thing itself.
Value copy(Heap& /*heap*/, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("copy", arguments, {});
  return self;
}

Value list_count(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("count", arguments, {"value"}, 1);
  const std::vector<Value>& items = self.sequence().items;
  const auto count =
      std::count_if(items.begin(), items.end(), [&](const Value& item) { return equals(heap, item, *bound.get(0)); });
  return Value::integer(std::int64_t{count});
}

Value list_index(Heap& heap, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("index", arguments, {"value"}, 1);
  const std::vector<Value>& items = self.sequence().items;
  const auto found =
      std::find_if(items.begin(), items.end(), [&](const Value& item) { return equals(heap, item, *bound.get(0)); });
  if (found == items.end()) raise("value is not in {}", self.type_name());
  return Value::integer(std::int64_t{found - items.begin()});
}

constexpr Method kDictMethods[] = {
    {"copy", copy}, {"get", dict_get}, {"items", dict_items}, {"keys", dict_keys}, {"values", dict_values}};
constexpr Method kListMethods[] = {{"copy", copy}, {"count", list_count}, {"index", list_index}};
constexpr Method kTupleMethods[] = {{"count", list_count}, {"index", list_index}};

template <std::size_t N>
const Method* find_in(const Method (&table)[N], std::string_view name) {
  const Method* found =
      std::find_if(std::begin(table), std::end(table), [&](const Method& m) { return m.name == name; });
  return found == std::end(table) ? nullptr : found;
}

}  // namespace

const Method* find_method(const Value& self, std::string_view name) {
  if (self.is_dict()) return find_in(kDictMethods, name);
  if (self.is_string()) {
    for (const auto lookup : {find_case_method, find_search_method, find_split_method}) {
      if (const Method* found = lookup(name)) return found;
    }
    return nullptr;
  }
  if (!self.is_sequence()) return nullptr;
  if (self.sequence().kind == SequenceKind::kList) return find_in(kListMethods, name);
  return self.sequence().kind <= SequenceKind::kRange ? find_in(kTupleMethods, name) : nullptr;
}

bool is_forbidden_method(const Value& self, std::string_view name) {
  const auto is_one_of = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (self.is_dict()) return is_one_of({"clear", "pop", "popitem", "setdefault", "update"});
  if (!self.is_sequence() || self.sequence().kind != SequenceKind::kList) return false;
  return is_one_of({"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"});
}

}  // namespace marlin::jinja
