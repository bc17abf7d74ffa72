// SPDX-License-Identifier: Apache-2.0
// Attributes, items, slices and iteration of values, as Jinja2's sandbox gives them: what is absent is undefined, what
// would change a list or dict is forbidden.
#pragma once

#include <optional>
#include <string_view>

#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace marlin::jinja {

/// value.name: a method or attribute first, then an item.
Value get_attribute(Heap& heap, const Value& value, std::string_view name);
/// value[key]: an item first, then a method or attribute.
Value get_item(Heap& heap, const Value& value, const Value& key);
/// value[begin:end:step]; null where left out. Raises for what has no slices.
Value get_slice(Heap& heap, const Value& value, const Value* begin, const Value* end, const Value* step);
/// What `for` iterates over: items, keys of a dict, characters of a string, nothing for undefined. Raises for other
/// types.
SequenceRef iterate(Heap& heap, const Value& value);
/// len(value), or nullopt for what has none.
std::optional<std::size_t> length_of(Heap& heap, const Value& value);

}  // namespace marlin::jinja
