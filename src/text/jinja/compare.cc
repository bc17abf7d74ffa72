// SPDX-License-Identifier: Apache-2.0
// Numbers compare exactly across int and float, strings by code point (which byte order of UTF-8 is).
#include "text/jinja/compare.h"

#include <algorithm>
#include <cmath>

#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

// An int64 and a double compared without rounding the int.
int compare_mixed(std::int64_t a, double b) {
  if (b >= 0x1p63) return -1;
  if (b < -0x1p63) return 1;
  const double whole = std::floor(b);
  const auto floor_of_b = static_cast<std::int64_t>(whole);
  if (a != floor_of_b) return a < floor_of_b ? -1 : 1;
  return whole < b ? -1 : 0;
}

bool numbers_equal(const Value& a, const Value& b) {
  if (a.is_real() && b.is_real()) return a.as_real() == b.as_real();
  if (a.is_real()) return !std::isnan(a.as_real()) && compare_mixed(b.as_integer(), a.as_real()) == 0;
  if (b.is_real()) return !std::isnan(b.as_real()) && compare_mixed(a.as_integer(), b.as_real()) == 0;
  return a.as_integer() == b.as_integer();
}

int compare_numbers(const Value& a, const Value& b) {
  if (a.is_real() && b.is_real()) return a.as_real() < b.as_real() ? -1 : static_cast<int>(a.as_real() > b.as_real());
  if (a.is_real()) return -compare_mixed(b.as_integer(), a.as_real());
  if (b.is_real()) return compare_mixed(a.as_integer(), b.as_real());
  return a.as_integer() < b.as_integer() ? -1 : static_cast<int>(a.as_integer() > b.as_integer());
}

bool is_nan(const Value& value) { return value.is_real() && std::isnan(value.as_real()); }

bool dicts_equal(Heap& heap, const Dict& a, const Dict& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.entries().begin(), a.entries().end(), [&](const Dict::Entry& entry) {
    heap.step();
    const Value* other = b.find(entry.first);
    return other != nullptr && equals(heap, entry.second, *other);
  });
}

bool comparable_lists(const Value& a, const Value& b) {
  if (!a.is_sequence() || !b.is_sequence() || a.sequence().kind != b.sequence().kind) return false;
  return a.sequence().kind == SequenceKind::kList || a.sequence().kind == SequenceKind::kTuple;
}

}  // namespace

bool equals(Heap& heap, const Value& a, const Value& b) {
  heap.step();
  if (a.is_number() && b.is_number()) return numbers_equal(a, b);
  if (a.is_string() && b.is_string()) {
    heap.scan(std::min(a.text().size(), b.text().size()));
    return a.bytes() == b.bytes();
  }
  if (a.is_undefined() && b.is_undefined()) return true;
  if (a.is_dict() && b.is_dict()) return dicts_equal(heap, a.dict(), b.dict());
  if (a.is_sequence() && b.is_sequence() && a.sequence().kind == b.sequence().kind) {
    return std::equal(a.sequence().items.begin(), a.sequence().items.end(), b.sequence().items.begin(),
                      b.sequence().items.end(), [&](const Value& x, const Value& y) { return equals(heap, x, y); });
  }
  return a.same_as(b);
}

bool scalars_equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return numbers_equal(a, b);
  return a.same_as(b);
}

int compare(Heap& heap, const Value& a, const Value& b, std::string_view symbol) {
  heap.step();
  if (a.is_number() && b.is_number()) {
    // Every order with NaN is false in Python; no three-way result says that, so it is an error here.
    if (is_nan(a) || is_nan(b)) raise("nan has no order");
    return compare_numbers(a, b);
  }
  if (a.is_string() && b.is_string()) {
    heap.scan(std::min(a.text().size(), b.text().size()));
    const int order = a.bytes().compare(b.bytes());
    return order < 0 ? -1 : static_cast<int>(order > 0);
  }
  if (comparable_lists(a, b)) {
    const std::vector<Value>& left = a.sequence().items;
    const std::vector<Value>& right = b.sequence().items;
    for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
      if (!equals(heap, left[i], right[i])) return compare(heap, left[i], right[i], symbol);
    }
    return left.size() < right.size() ? -1 : static_cast<int>(left.size() > right.size());
  }
  for (const Value* side : {&a, &b}) {
    if (const auto* missing = side->get<Undefined>()) raise("{}", *missing->message);
  }
  raise("'{}' not supported between instances of '{}' and '{}'", symbol, a.type_name(), b.type_name());
}

bool contains(Heap& heap, const Value& container, const Value& item) {
  if (container.is_string()) {
    if (const auto* missing = item.get<Undefined>()) raise("{}", *missing->message);
    if (!item.is_string()) raise("'in <string>' requires string as left operand, not {}", item.type_name());
    heap.walk((container.text().size() + item.text().size()) / 4);
    return find_bytes(container.bytes(), item.bytes(), 0) != std::string::npos;
  }
  if (container.is_dict()) {
    if (item.is_dict() || (item.is_sequence() && item.sequence().kind == SequenceKind::kList)) {
      raise("unhashable type: '{}'", item.type_name());
    }
    heap.step(1 + (item.is_string() ? 0 : container.dict().size()));
    return container.dict().find(item) != nullptr;
  }
  if (container.is_sequence()) {
    const std::vector<Value>& items = container.sequence().items;
    return std::any_of(items.begin(), items.end(),
                       [&](const Value& candidate) { return equals(heap, candidate, item); });
  }
  if (container.is_undefined()) return false;
  raise("argument of type '{}' is not iterable", container.type_name());
}

}  // namespace marlin::jinja
