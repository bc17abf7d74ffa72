// SPDX-License-Identifier: Apache-2.0
// Lookups by type. The messages of undefined values are Jinja2's.
#include "text/jinja/access.h"

#include <algorithm>
#include <limits>

#include "text/jinja/arguments.h"
#include "text/jinja/compare.h"
#include "text/jinja/methods.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

[[noreturn]] void raise_undefined(const Value& value) { raise("{}", *value.get<Undefined>()->message); }

std::string object_name(const Value& value) {
  return value.is_none() ? "None" : fmt::format("{} object", value.type_name());
}

Value missing_attribute(const Value& value, std::string_view name) {
  return Value::undefined(fmt::format("'{}' has no attribute '{}'", object_name(value), name.substr(0, 80)));
}

Value missing_item(const Value& value, const Value& key) {
  if (key.is_string()) return missing_attribute(value, key.bytes());
  return Value::undefined(fmt::format("{} has no element {}", object_name(value), excerpt(key)));
}

Value loop_changed(Heap& heap, const Value& self, const Arguments& arguments) {
  Loop& loop = **self.get<LoopRef>();
  Value now = heap.sequence(arguments.positional, SequenceKind::kTuple);
  const bool changed = !loop.changed_called || !equals(heap, loop.last_changed, now);
  loop.changed_called = true;
  loop.last_changed = std::move(now);
  return Value::boolean(changed);
}

Value loop_cycle(Heap& /*heap*/, const Value& self, const Arguments& arguments) {
  if (arguments.positional.empty()) raise("no items for cycling given");
  return arguments.positional[(*self.get<LoopRef>())->index0 % arguments.positional.size()];
}

std::optional<Value> loop_attribute(Heap& heap, const Value& value, std::string_view name) {
  const Loop& loop = **value.get<LoopRef>();
  const std::size_t length = loop.items->items.size();
  if (name == "index") return Value::integer(loop.index0 + 1);
  if (name == "index0") return Value::integer(loop.index0);
  if (name == "revindex") return Value::integer(length - loop.index0);
  if (name == "revindex0") return Value::integer(length - loop.index0 - 1);
  if (name == "first") return Value::boolean(loop.index0 == 0);
  if (name == "last") return Value::boolean(loop.index0 + 1 == length);
  if (name == "length") return Value::integer(length);
  if (name == "depth") return Value::integer(std::int64_t{1});  // counts recursive loops, of which there are none
  if (name == "depth0") return Value::integer(std::int64_t{0});
  if (name == "previtem") {
    return loop.index0 == 0 ? Value::undefined("there is no previous item") : loop.items->items[loop.index0 - 1];
  }
  if (name == "nextitem") {
    return loop.index0 + 1 == length ? Value::undefined("there is no next item") : loop.items->items[loop.index0 + 1];
  }
  if (name == "changed") return heap.method("changed", value, loop_changed);
  if (name == "cycle") return heap.method("cycle", value, loop_cycle);
  return std::nullopt;
}

// A method or attribute of the object itself, not an item.
std::optional<Value> own_attribute(Heap& heap, const Value& value, std::string_view name) {
  if (value.get<LoopRef>() != nullptr) return loop_attribute(heap, value, name);
  if (const auto* space = value.get<NamespaceRef>()) {
    const Value* found = (*space)->find(name);
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  if (const auto* callable = value.get<CallableRef>()) {
    if (name == "name") return heap.string((*callable)->name);
    return std::nullopt;
  }
  if (is_forbidden_method(value, name)) {
    return Value::undefined(fmt::format("access to attribute '{}' of '{}' object is unsafe.", name, value.type_name()));
  }
  if (const Method* method = find_method(value, name)) return heap.method(std::string(name), value, method->call);
  return std::nullopt;
}

// Python's index: from the end when negative. nullopt when out of range.
std::optional<std::size_t> resolve_index(std::int64_t index, std::size_t length) {
  if (index < 0) index += static_cast<std::int64_t>(length);
  if (index < 0 || index >= static_cast<std::int64_t>(length)) return std::nullopt;
  return static_cast<std::size_t>(index);
}

std::optional<Value> own_item(Heap& heap, const Value& value, const Value& key) {
  if (value.is_dict()) {
    heap.step(key.is_string() ? 0 : value.dict().size());
    const Value* found = value.dict().find(key);
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  if (!key.is_integer() && !key.is_bool()) return std::nullopt;
  if (value.is_string()) {
    const std::string& bytes = value.bytes();
    heap.scan(4 * bytes.size());
    const auto index = resolve_index(key.as_integer(), count_code_points(bytes));
    if (!index) return std::nullopt;
    const std::size_t begin = code_point_offset(bytes, *index);
    return heap.string(value.text().slice(begin, begin + code_point_at(bytes, begin).bytes));
  }
  if (!value.is_sequence() || value.sequence().kind > SequenceKind::kRange) return std::nullopt;
  const auto index = resolve_index(key.as_integer(), value.sequence().items.size());
  return index ? std::optional<Value>(value.sequence().items[*index]) : std::nullopt;
}

std::optional<std::int64_t> slice_bound(const Value* value) {
  if (value == nullptr || value->is_none()) return std::nullopt;
  if (value->is_undefined()) raise_undefined(*value);
  if (!value->is_integer() && !value->is_bool()) raise("slice indices must be integers or None");
  return value->as_integer();
}

// The indices that [begin:end:step] picks from `length` elements.
std::vector<std::size_t> slice_indices(std::size_t length, std::optional<std::int64_t> begin,
                                       std::optional<std::int64_t> end, std::int64_t step) {
  const auto size = static_cast<std::int64_t>(length);
  const std::int64_t lowest = step > 0 ? 0 : -1;
  const std::int64_t highest = step > 0 ? size : size - 1;
  const auto clamp = [&](std::optional<std::int64_t> bound, std::int64_t otherwise) {
    if (!bound) return otherwise;
    return std::clamp(*bound < 0 ? *bound + size : *bound, lowest, highest);
  };
  const std::int64_t first = clamp(begin, step > 0 ? 0 : size - 1);
  const std::int64_t stop = clamp(end, step > 0 ? size : -1);
  std::vector<std::size_t> indices;
  const std::int64_t limit = std::numeric_limits<std::int64_t>::max() / 2;
  const std::int64_t stride = std::clamp(step, -limit, limit);  // `i + stride` must not overflow
  for (std::int64_t i = first; stride > 0 ? i < stop : i > stop; i += stride)
    indices.push_back(static_cast<std::size_t>(i));
  return indices;
}

Value slice_string(Heap& heap, const MarkedText& text, std::optional<std::int64_t> begin,
                   std::optional<std::int64_t> end, std::int64_t step) {
  heap.walk(text.size());
  const std::vector<std::size_t> offsets = code_point_offsets(text.bytes());
  const std::vector<std::size_t> indices = slice_indices(offsets.size() - 1, begin, end, step);
  if (indices.empty()) return heap.string("");
  if (step == 1) return heap.string(text.slice(offsets[indices.front()], offsets[indices.back() + 1]));
  MarkedText out;
  for (const std::size_t index : indices) out.append(text, offsets[index], offsets[index + 1]);
  return heap.string(std::move(out));
}

}  // namespace

Value get_attribute(Heap& heap, const Value& value, std::string_view name) {
  if (value.is_undefined()) raise_undefined(value);
  if (auto found = own_attribute(heap, value, name)) return *found;
  if (value.is_dict()) {
    if (const Value* item = value.dict().find(name)) return *item;
  }
  return missing_attribute(value, name);
}

Value get_item(Heap& heap, const Value& value, const Value& key) {
  if (value.is_undefined()) raise_undefined(value);
  if (auto found = own_item(heap, value, key)) return *found;
  if (key.is_string()) {
    if (auto found = own_attribute(heap, value, key.bytes())) return *found;
  }
  return missing_item(value, key);
}

Value get_slice(Heap& heap, const Value& value, const Value* begin, const Value* end, const Value* step) {
  if (value.is_undefined()) raise_undefined(value);
  const std::int64_t stride = slice_bound(step).value_or(1);
  if (stride == 0) raise("slice step cannot be zero");
  if (value.is_string()) return slice_string(heap, value.text(), slice_bound(begin), slice_bound(end), stride);
  if (!value.is_sequence() || value.sequence().kind > SequenceKind::kRange) {
    raise("'{}' object is not subscriptable", value.type_name());
  }
  const std::vector<Value>& items = value.sequence().items;
  heap.scan(items.size() * sizeof(Value));
  std::vector<Value> picked;
  for (const std::size_t index : slice_indices(items.size(), slice_bound(begin), slice_bound(end), stride)) {
    picked.push_back(items[index]);
  }
  return heap.sequence(std::move(picked), value.sequence().kind);
}

SequenceRef iterate(Heap& heap, const Value& value) {
  if (const auto* sequence = value.get<SequenceRef>()) return *sequence;
  std::vector<Value> items;
  if (value.is_dict()) {
    for (const auto& entry : value.dict().entries()) items.push_back(entry.first);
  } else if (value.is_string()) {
    heap.check_size(value.text().size() * sizeof(Value));
    const std::vector<std::size_t> offsets = code_point_offsets(value.bytes());
    heap.step(offsets.size());
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
      items.push_back(heap.string(value.text().slice(offsets[i], offsets[i + 1])));
    }
  } else if (!value.is_undefined()) {
    raise("'{}' object is not iterable", value.type_name());
  }
  return *heap.sequence(std::move(items)).get<SequenceRef>();
}

std::optional<std::size_t> length_of(Heap& heap, const Value& value) {
  if (value.is_undefined()) return 0;
  if (value.is_string()) {
    heap.scan(2 * value.text().size());
    return count_code_points(value.bytes());
  }
  if (value.is_dict()) return value.dict().size();
  if (value.is_sequence() && value.sequence().kind != SequenceKind::kGenerator) return value.sequence().items.size();
  if (const auto* loop = value.get<LoopRef>()) return (*loop)->items->items.size();
  return std::nullopt;
}

}  // namespace marlin::jinja
