// SPDX-License-Identifier: Apache-2.0
// Filters that apply a test or filter to every item: select, reject, selectattr, rejectattr, map; and groupby and sum,
// which look at an attribute of every item.
#include <algorithm>

#include "text/jinja/access.h"
#include "text/jinja/arguments.h"
#include "text/jinja/compare.h"
#include "text/jinja/filters.h"
#include "text/jinja/operators.h"
#include "text/jinja/string_case.h"

namespace marlin::jinja {
namespace {

// Arguments after the first `count` positional ones, for the inner test or filter.
Arguments after(const Arguments& arguments, std::size_t count) {
  Arguments rest{{}, arguments.named};
  for (std::size_t i = count; i < arguments.positional.size(); ++i) rest.positional.push_back(arguments.positional[i]);
  return rest;
}

const std::string& name_argument(const Arguments& arguments, std::size_t index, std::string_view what) {
  if (!arguments.positional[index].is_string()) raise("the name of a {} must be a string", what);
  return arguments.positional[index].bytes();
}

// As in Jinja2, nothing false has items here, be it None or 0.
SequenceRef items_of(Heap& heap, const Value& value) {
  return iterate(heap, value.truthy() ? value : heap.sequence({}));
}

// `by_attribute`: the first argument is an attribute's path, the test's name comes second; without a test, truth
// decides.
Value choose(Heap& heap, const Value& value, const Arguments& arguments, bool by_attribute, bool keep) {
  const std::size_t skipped = by_attribute ? 1 : 0;
  if (arguments.positional.size() < skipped) raise("missing parameter for attribute name");
  const bool has_test = arguments.positional.size() > skipped;
  const Arguments rest = after(arguments, skipped + 1);
  std::vector<Value> kept;
  const SequenceRef source = items_of(heap, value);
  for (const Value& item : source->items) {
    heap.step();
    const Value subject = by_attribute ? attribute_at(heap, item, arguments.positional[0]) : item;
    const bool passes =
        has_test ? apply_test(heap, name_argument(arguments, skipped, "test"), subject, rest) : subject.truthy();
    if (passes == keep) kept.push_back(item);
  }
  return heap.sequence(std::move(kept), SequenceKind::kGenerator);
}

Value select(Heap& heap, const Value& value, const Arguments& arguments) {
  return choose(heap, value, arguments, false, true);
}
Value reject(Heap& heap, const Value& value, const Arguments& arguments) {
  return choose(heap, value, arguments, false, false);
}
Value selectattr(Heap& heap, const Value& value, const Arguments& arguments) {
  return choose(heap, value, arguments, true, true);
}
Value rejectattr(Heap& heap, const Value& value, const Arguments& arguments) {
  return choose(heap, value, arguments, true, false);
}

Value map(Heap& heap, const Value& value, const Arguments& arguments) {
  std::vector<Value> mapped;
  const SequenceRef source = items_of(heap, value);
  if (arguments.positional.empty()) {
    const BoundArguments bound("map", arguments, {"attribute", "default"}, 1);
    for (const Value& item : source->items) {
      mapped.push_back(attribute_at(heap, item, *bound.get(0)));
      if (mapped.back().is_undefined() && bound.get(1) != nullptr) mapped.back() = *bound.get(1);
    }
  } else {
    const std::string& name = name_argument(arguments, 0, "filter");
    const Arguments rest = after(arguments, 1);
    for (const Value& item : source->items) mapped.push_back(apply_filter(heap, name, item, rest));
  }
  return heap.sequence(std::move(mapped), SequenceKind::kGenerator);
}

Value sum(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("sum", arguments, {"attribute", "start"});
  Value total = bound.get(1) == nullptr ? Value::integer(std::int64_t{0}) : *bound.get(1);
  if (total.is_string()) raise("sum() can't sum strings");
  const SequenceRef source = iterate(heap, value);
  for (const Value& item : source->items) {
    const Value* path = bound.unless_none(0);
    total = binary_operation(heap, "+", total, path == nullptr ? item : attribute_at(heap, item, *path));
  }
  return total;
}

Value groupby(Heap& heap, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
  std::vector<std::pair<Value, Value>> keyed;  // key, item
  const SequenceRef source = iterate(heap, value);
  for (const Value& item : source->items) {
    Value key = attribute_at(heap, item, *bound.get(0));
    if (key.is_undefined() && bound.get(1) != nullptr) key = *bound.get(1);
    keyed.emplace_back(std::move(key), item);
  }
  const auto order_key = [&](const Value& key) {
    if (!key.is_string() || bound.truthy_or(2, false)) return key;
    heap.walk(key.text().size());
    return heap.string(lowered(key.text()));
  };
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return compare(heap, order_key(a.first), order_key(b.first), "<") < 0;
  });
  std::vector<Value> groups;
  for (std::size_t begin = 0; begin < keyed.size();) {
    std::vector<Value> members;
    std::size_t end = begin;
    for (; end < keyed.size() && equals(heap, order_key(keyed[end].first), order_key(keyed[begin].first)); ++end) {
      members.push_back(keyed[end].second);
    }
    groups.push_back(heap.sequence({keyed[begin].first, heap.sequence(std::move(members))}, SequenceKind::kTuple));
    begin = std::max(end, begin + 1);  // nan equals not even itself
  }
  return heap.sequence(std::move(groups));
}

constexpr Filter kFilters[] = {
    {"groupby", groupby},       {"map", map}, {"reject", reject}, {"rejectattr", rejectattr}, {"select", select},
    {"selectattr", selectattr}, {"sum", sum}};

}  // namespace

const Filter* find_choice_filter(std::string_view name) {
  const Filter* found =
      std::find_if(std::begin(kFilters), std::end(kFilters), [&](const Filter& f) { return f.name == name; });
  return found == std::end(kFilters) ? nullptr : found;
}

}  // namespace marlin::jinja
