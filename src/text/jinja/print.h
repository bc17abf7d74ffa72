// SPDX-License-Identifier: Apache-2.0
// Python's str() and repr(), which decide what `{{ value }}` prints. Marks of strings survive; punctuation is unmarked.
#pragma once

#include <string>

#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace marlin::jinja {

/// str(value): strings as they are, None/True/False, lists and dicts as Python prints them, undefined as nothing.
MarkedText to_text(Heap& heap, const Value& value);
/// str(value) as a string value, without a copy when it is one already.
Value to_string(Heap& heap, const Value& value);
/// repr(value): strings in quotes, escaped.
MarkedText to_repr(Heap& heap, const Value& value);
/// repr of a float: shortest digits that read back the same, "1.0", "1e+16", "nan", "inf".
std::string real_repr(double value);
/// At most 80 characters of str(value), for error messages.
std::string excerpt(const Value& value);

}  // namespace marlin::jinja
