// SPDX-License-Identifier: Apache-2.0
// The filters, `value|name(arguments)`, and tests, `value is name(arguments)`. Filters are grouped by file: text,
// lists, choosing from lists, values. Called by the evaluator and by filters such as map that take another's name.
#pragma once

#include <string_view>

#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace marlin::jinja {

struct Filter {
  std::string_view name;
  Value (*apply)(Heap& heap, const Value& value, const Arguments& arguments);
};

/// value|name(arguments). Raises for an unknown name, as late as when it is used.
Value apply_filter(Heap& heap, std::string_view name, const Value& value, const Arguments& arguments);
/// value is name(arguments).
bool apply_test(Heap& heap, std::string_view name, const Value& value, const Arguments& arguments);

[[nodiscard]] bool is_filter(std::string_view name);
[[nodiscard]] bool is_test(std::string_view name);

/// One group each; nullptr when the name is not in it.
const Filter* find_text_filter(std::string_view name);
const Filter* find_list_filter(std::string_view name);
const Filter* find_choice_filter(std::string_view name);
const Filter* find_value_filter(std::string_view name);

/// The value at a path such as "function.name" or "items.0", as attribute= arguments give it.
Value attribute_at(Heap& heap, const Value& value, const Value& path);

}  // namespace marlin::jinja
