// SPDX-License-Identifier: Apache-2.0
// Equality, order and membership with Python's rules: True == 1 == 1.0, lists compare element by element, and unlike
// types are unequal but have no order. Used by the operators, tests, sort, unique and dict keys.
#pragma once

#include <string_view>

#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace marlin::jinja {

/// a == b. Counts steps, because structures that share parts can be exponentially large.
bool equals(Heap& heap, const Value& a, const Value& b);
/// a == b for keys of a dict; containers other than the very same object are unequal.
bool scalars_equal(const Value& a, const Value& b);
/// Negative, zero or positive; raises like Python for unlike types. `symbol` is the operator named in the error.
int compare(Heap& heap, const Value& a, const Value& b, std::string_view symbol);
/// item in container.
bool contains(Heap& heap, const Value& container, const Value& item);

}  // namespace marlin::jinja
