// SPDX-License-Identifier: Apache-2.0
#include "serving/api/chat_request.h"

#include "base/error.h"
#include "serving/api/answer_constraint.h"
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

}  // namespace

ChatRequest read_chat_request(const ServedModel& model, const JsonReader& fields) {
  model.check_name(fields.optional_string("model"));
  const json::array* const messages = fields.optional_array("messages");
  if (messages == nullptr || messages->empty()) {
    fail(ErrorCode::kInvalidArgument, "messages: a list of at least one message is needed");
  }
  ChatRequest chat{.generation = {}, .tools = offered_tools(fields)};
  RenderedPrompt prompt = model.render(*messages, chat.tools, template_variables(fields));
  chat.starts_in_reasoning = prompt.starts_in_reasoning;
  std::optional<Grammar> grammar = chat_constraint(fields, chat.tools, model.format(), prompt);
  chat.generation = {.prompt = std::move(prompt.tokens),
                     .options = read_generation_options(fields.json(), model.defaults()),
                     .priority = static_cast<int>(fields.optional_integer("priority", {-100, 100}).value_or(0))};
  if (grammar) chat.generation.constraint = model.constrained(*std::move(grammar));
  return chat;
}

}  // namespace marlin::api
