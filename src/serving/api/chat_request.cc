// SPDX-License-Identifier: Apache-2.0
#include "serving/api/chat_request.h"

#include "base/error.h"
#include "serving/api/generation_fields.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

/// Template variables of a request: chat_template_kwargs, and the fields that stand for some of them.
json::object template_variables(const JsonReader& fields) {
  json::object variables;
  if (const auto kwargs = fields.optional_object("chat_template_kwargs")) variables = kwargs->json();
  if (fields.optional_string("reasoning_effort") == "none") variables["enable_thinking"] = false;
  if (const auto thinking = fields.optional_object("thinking")) {  // z.ai
    if (const auto type = thinking->optional_string("type")) variables["enable_thinking"] = *type != "disabled";
    if (const auto clear = thinking->optional_boolean("clear_thinking")) variables["clear_thinking"] = *clear;
  }
  return variables;
}

json::array tools_of(const JsonReader& fields) {
  const json::array* const tools = fields.optional_array("tools");
  const json::value* const choice = fields.json().if_contains("tool_choice");
  const bool none = choice != nullptr && choice->is_string() && choice->as_string() == "none";
  return tools == nullptr || none ? json::array() : *tools;
}

}  // namespace

ChatRequest read_chat_request(const ServedModel& model, const JsonReader& fields) {
  model.check_name(fields.optional_string("model"));
  const json::array* const messages = fields.optional_array("messages");
  if (messages == nullptr || messages->empty()) {
    fail(ErrorCode::kInvalidArgument, "messages: a list of at least one message is needed");
  }
  ChatRequest chat{.generation = {}, .tools = tools_of(fields)};
  RenderedPrompt prompt = model.render(*messages, chat.tools, template_variables(fields));
  chat.starts_in_reasoning = prompt.starts_in_reasoning;
  chat.generation = {.prompt = std::move(prompt.tokens),
                     .options = read_generation_options(fields.json(), model.defaults()),
                     .priority = static_cast<int>(fields.optional_integer("priority", {-100, 100}).value_or(0))};
  return chat;
}

}  // namespace marlin::api
