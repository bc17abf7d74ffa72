// SPDX-License-Identifier: Apache-2.0
// Tool calls as a model family writes them, as parts of the grammar of an answer: what tool_choice "required" asks for.
// Surprise: GLM writes strings without quotes, so of a string's schema only enum, const, pattern and the lengths are
// enforced there, and a text that a pattern allows has no '<'; all other values follow their schemas.
#pragma once

#include <boost/json.hpp>

#include "grammar/json_rules.h"
#include "text/output_format.h"

namespace marlin::api {

/// A call of any of `tools`, as in the OpenAI API; not empty. Arguments come in the order of the schema. Errors:
/// kInvalidArgument and kUnsupported, naming the tool, for one that is malformed or cannot be enforced; kUnsupported
/// for ToolCallStyle::kNone.
Expr tool_call(JsonRules& rules, ToolCallStyle style, const boost::json::array& tools);

/// The function's name; {"type": "function", "function": {...}} or the inner object alone. Error: kInvalidArgument.
std::string_view tool_name(const boost::json::value& tool);

}  // namespace marlin::api
