// SPDX-License-Identifier: Apache-2.0
// Arithmetic with Python's rules: floor division and modulo, true division, strings and lists with + and *. Integers
// are 64 bits; beyond that is an error, not a wrong number.
#pragma once

#include <string_view>

#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace marlin::jinja {

/// a `symbol` b, symbol one of + - * / // % **.
Value binary_operation(Heap& heap, std::string_view symbol, const Value& a, const Value& b);
/// -a
Value negate(const Value& a);
/// +a
Value unary_plus(const Value& a);

}  // namespace marlin::jinja
