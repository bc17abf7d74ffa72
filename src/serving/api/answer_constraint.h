// SPDX-License-Identifier: Apache-2.0
// What a request demands of its answer, as a grammar: response_format, tool_choice, and what vLLM (guided_json,
// guided_regex, guided_choice, structured_outputs) and llama.cpp (json_schema) have for it. Surprise: a model that
// reasons may do so first, in free text up to `</think>`, as far as its prompt leaves that open.
#pragma once

#include <boost/json.hpp>
#include <optional>

#include "grammar/grammar.h"
#include "io/json_reader.h"
#include "serving/api/served_model.h"

namespace marlin::api {

/// The tools that the model is to be told of: none with tool_choice "none". Error: kInvalidArgument.
boost::json::array offered_tools(const JsonReader& fields);

/// Of a chat: nothing if any text will do. `tools` are those offered; with tool_choice "auto" beside a format of the
/// answer, calls of them are allowed in its place. Errors: kInvalidArgument, kUnsupported and kBadFile, naming the
/// field, and the place in a schema.
std::optional<Grammar> chat_constraint(const JsonReader& fields, const boost::json::array& tools,
                                       const OutputFormat& format, const RenderedPrompt& prompt);

/// Of a plain completion. Errors likewise.
std::optional<Grammar> completion_constraint(const JsonReader& fields);

}  // namespace marlin::api
