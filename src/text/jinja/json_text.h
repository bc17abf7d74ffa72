// SPDX-License-Identifier: Apache-2.0
// Between JSON and values: what render() is given, the tojson and from_json filters.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "text/jinja/heap.h"
#include "text/jinja/value.h"

namespace marlin::jinja {

/// A value from JSON. Strings and keys are marked as `from_input` says, except a value under the key "role" that
/// consists of [a-z_]+ only: templates build special tokens from it.
Value from_json(Heap& heap, const boost::json::value& json, bool from_input);

/// Python's json.dumps of HuggingFace's tojson filter.
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool indented = false;
  std::string indent;  ///< one level, when `indented`
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

/// Marks of strings survive, escapes included; punctuation is unmarked. Raises for what JSON cannot say.
MarkedText to_json(Heap& heap, const Value& value, const JsonStyle& style);

}  // namespace marlin::jinja
