// SPDX-License-Identifier: Apache-2.0
// The methods of strings, lists, tuples and dicts that templates may call. Looked up by access.cc.
#pragma once

#include <string_view>

#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace marlin::jinja {

struct Method {
  std::string_view name;
  Value (*call)(Heap& heap, const Value& self, const Arguments& arguments);
};

/// nullptr when the type of `self` has no such method.
const Method* find_method(const Value& self, std::string_view name);
/// True for list.append, dict.update and the like: the sandbox is immutable.
bool is_forbidden_method(const Value& self, std::string_view name);

/// As above, for strings only: in three files by what they do.
const Method* find_case_method(std::string_view name);
const Method* find_search_method(std::string_view name);
const Method* find_split_method(std::string_view name);

/// str.format and `%`: in string_format.cc.
Value format_braces(Heap& heap, const Value& self, const Arguments& arguments);
Value format_percent(Heap& heap, const MarkedText& format, const Value& values);

}  // namespace marlin::jinja
