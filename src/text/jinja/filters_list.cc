// SPDX-License-Identifier: Apache-2.0
// Filters on whole lists and dicts: length, first, last, join, sort, unique, batches.
#include <algorithm>

#include "text/jinja/access.h"
#include "text/jinja/arguments.h"
#include "text/jinja/compare.h"
#include "text/jinja/filters.h"
#include "text/jinja/print.h"
#include "text/jinja/string_case.h"
#include "text/jinja/string_edit.h"

namespace marlin::jinja {
namespace {

Value length(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("length", arguments, {});
  const auto size = length_of(heap, value);
  if (!size) raise("object of type '{}' has no len()", value.type_name());
  return Value::integer(*size);
}

Value first(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("first", arguments, {});
  if (value.is_string() && !value.text().empty()) return get_item(heap, value, Value::integer(std::int64_t{0}));
  const SequenceRef items = iterate(heap, value);
  return items->items.empty() ? Value::undefined("No first item, sequence was empty.") : items->items.front();
}

Value last(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("last", arguments, {});
  if (value.is_string() && !value.text().empty()) return get_item(heap, value, Value::integer(std::int64_t{-1}));
  const SequenceRef items = iterate(heap, value);
  return items->items.empty() ? Value::undefined("No last item, sequence was empty.") : items->items.back();
}

Value list(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("list", arguments, {});
  return heap.sequence(iterate(heap, value)->items);
}

Value join(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("join", arguments, {"d", "attribute"});
  const Value separator = bound.get(0) == nullptr ? heap.string("") : to_string(heap, *bound.get(0));
  Joiner joiner(heap, separator.text());
  const SequenceRef items = iterate(heap, value);
  for (const Value& item : items->items) {
    const Value* path = bound.unless_none(1);
    joiner.add(to_string(heap, path == nullptr ? item : attribute_at(heap, item, *path)).text());
  }
  return heap.string(joiner.take());
}

Value reverse(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("reverse", arguments, {});
  if (value.is_string()) {
    const Value step = Value::integer(std::int64_t{-1});
    return get_slice(heap, value, nullptr, nullptr, &step);
  }
  std::vector<Value> items = iterate(heap, value)->items;
  std::reverse(items.begin(), items.end());
  return heap.sequence(std::move(items), SequenceKind::kGenerator);
}

Value items(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("items", arguments, {});
  std::vector<Value> pairs;
  if (!value.is_dict() && !value.is_undefined()) raise("can only get item pairs from a mapping");
  if (value.is_dict()) {
    for (const auto& [key, member] : value.dict().entries()) {
      pairs.push_back(heap.sequence({key, member}, SequenceKind::kTuple));
    }
  }
  return heap.sequence(std::move(pairs), SequenceKind::kGenerator);
}

// What to order an item by: the item or an attribute of it, strings without regard to case unless told otherwise.
Value sort_key(Heap& heap, const Value& item, const Value* path, bool case_sensitive) {
  Value key = path == nullptr ? item : attribute_at(heap, item, *path);
  if (!key.is_string() || case_sensitive) return key;
  heap.walk(key.text().size());
  return heap.string(lowered(key.text()));
}

using Keyed = std::pair<Value, Value>;  // key, item

std::vector<Keyed> keyed(Heap& heap, const Value& value, const Value* path, bool case_sensitive) {
  std::vector<Keyed> out;
  const SequenceRef source = iterate(heap, value);
  for (const Value& item : source->items) {
    heap.step();
    out.emplace_back(sort_key(heap, item, path, case_sensitive), item);
  }
  return out;
}

void sort_by_key(Heap& heap, std::vector<Keyed>& items, bool reversed) {
  std::stable_sort(items.begin(), items.end(), [&](const Keyed& a, const Keyed& b) {
    return reversed ? compare(heap, b.first, a.first, "<") < 0 : compare(heap, a.first, b.first, "<") < 0;
  });
}

Value items_without_keys(Heap& heap, std::vector<Keyed> items, SequenceKind kind = SequenceKind::kList) {
  std::vector<Value> out;
  out.reserve(items.size());
  for (Keyed& item : items) out.push_back(std::move(item.second));
  return heap.sequence(std::move(out), kind);
}

// The attributes of "a,b.c" one by one; none when there is no path.
std::vector<Value> sort_paths(Heap& heap, const Value* path) {
  if (path == nullptr) return {};
  if (!path->is_string()) return {*path};
  std::vector<Value> paths;
  std::string_view rest = path->bytes();
  for (std::size_t comma = rest.find(','); comma != std::string_view::npos; comma = rest.find(',')) {
    paths.push_back(heap.string(std::string(rest.substr(0, comma))));
    rest.remove_prefix(comma + 1);
  }
  paths.push_back(heap.string(std::string(rest)));
  return paths;
}

Value sort(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  const bool case_sensitive = bound.truthy_or(1, false);
  const std::vector<Value> paths = sort_paths(heap, bound.unless_none(2));
  std::vector<Keyed> items;
  const SequenceRef source = iterate(heap, value);
  for (const Value& item : source->items) {
    std::vector<Value> keys;
    keys.reserve(paths.size() + 1);
    for (const Value& path : paths) keys.push_back(sort_key(heap, item, &path, case_sensitive));
    if (paths.empty()) keys.push_back(sort_key(heap, item, nullptr, case_sensitive));
    items.emplace_back(heap.sequence(std::move(keys), SequenceKind::kTuple), item);
  }
  sort_by_key(heap, items, bound.truthy_or(0, false));
  return items_without_keys(heap, std::move(items));
}

Value dictsort(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const std::string by = bound.get(1) == nullptr ? "key" : bound.text(1).bytes();
  if (by != "key" && by != "value") raise("you can only sort by either 'key' or 'value'");
  if (!value.is_dict()) raise("dictsort needs a mapping, not {}", value.type_name());
  std::vector<Keyed> pairs;
  for (const auto& [key, member] : value.dict().entries()) {
    pairs.emplace_back(sort_key(heap, by == "key" ? key : member, nullptr, bound.truthy_or(0, false)),
                       heap.sequence({key, member}, SequenceKind::kTuple));
  }
  sort_by_key(heap, pairs, bound.truthy_or(2, false));
  return items_without_keys(heap, std::move(pairs));
}

Value unique(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("unique", arguments, {"case_sensitive", "attribute"});
  std::vector<Keyed> kept;
  for (Keyed& item : keyed(heap, value, bound.unless_none(1), bound.truthy_or(0, false))) {
    const bool seen =
        std::any_of(kept.begin(), kept.end(), [&](const Keyed& k) { return equals(heap, k.first, item.first); });
    if (!seen) kept.push_back(std::move(item));
  }
  return items_without_keys(heap, std::move(kept), SequenceKind::kGenerator);
}

Value extreme(Heap& heap, const Value& value, const Arguments& arguments, std::string_view name, bool largest) {
  const BoundArguments bound(name, arguments, {"case_sensitive", "attribute"});
  const std::vector<Keyed> items = keyed(heap, value, bound.unless_none(1), bound.truthy_or(0, false));
  if (items.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  const Keyed* best = &items.front();
  for (const Keyed& item : items) {
    const int order = compare(heap, item.first, best->first, largest ? ">" : "<");
    if (largest ? order > 0 : order < 0) best = &item;
  }
  return best->second;
}

Value minimum(Heap& heap, const Value& value, const Arguments& arguments) {
  return extreme(heap, value, arguments, "min", false);
}
Value maximum(Heap& heap, const Value& value, const Arguments& arguments) {
  return extreme(heap, value, arguments, "max", true);
}

// Rows of `count` items, the last one filled up if a filler is given.
Value batch(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("batch", arguments, {"linecount", "fill_with"}, 1);
  const std::int64_t count = bound.integer(0);
  if (count <= 0) raise("batch: the number of items must be positive");
  std::vector<Value> rows;
  std::vector<Value> row;
  const SequenceRef source = iterate(heap, value);
  for (const Value& item : source->items) {
    heap.step();
    row.push_back(item);
    if (static_cast<std::int64_t>(row.size()) == count) rows.push_back(heap.sequence(std::exchange(row, {})));
  }
  if (!row.empty()) {
    const auto width = static_cast<std::size_t>(count);
    if (bound.unless_none(1) != nullptr) {
      heap.check_size(width < (std::size_t{1} << 40) ? width * sizeof(Value) : SIZE_MAX);
      row.resize(width, *bound.get(1));
    }
    rows.push_back(heap.sequence(std::move(row)));
  }
  return heap.sequence(std::move(rows), SequenceKind::kGenerator);
}

constexpr Filter kFilters[] = {{"batch", batch}, {"count", length}, {"dictsort", dictsort}, {"first", first},
                               {"items", items}, {"join", join},    {"last", last},         {"length", length},
                               {"list", list},   {"max", maximum},  {"min", minimum},       {"reverse", reverse},
                               {"sort", sort},   {"unique", unique}};

}  // namespace

const Filter* find_list_filter(std::string_view name) {
  const Filter* found =
      std::find_if(std::begin(kFilters), std::end(kFilters), [&](const Filter& f) { return f.name == name; });
  return found == std::end(kFilters) ? nullptr : found;
}

}  // namespace marlin::jinja
