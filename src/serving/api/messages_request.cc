// SPDX-License-Identifier: Apache-2.0
#include "serving/api/messages_request.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "io/json.h"
#include "io/json_reader.h"
#include "serving/api/text_content.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

json::string text_under(const JsonReader& fields, std::string_view key) {
  const json::value* const content = fields.json().if_contains(key);
  return text_of_content(content == nullptr ? json::value() : *content, fmt::format("{}, {}", fields.document(), key));
}

/// Calls `take(block, type)` for every block of a message; a string is one block of text.
template <typename Take>
void for_each_block(const JsonReader& message, Take take) {
  const json::value* const content = message.json().if_contains("content");
  if (content != nullptr && content->is_string()) {
    const json::object block{{"type", "text"}, {"text", content->get_string()}};
    return take(JsonReader(block, message.document()), "text");
  }
  if (content == nullptr || !content->is_array()) {
    fail(ErrorCode::kInvalidArgument, "{}, content: a string or a list of blocks is needed", message.document());
  }
  for (const json::value& block : content->get_array()) {
    const JsonReader fields = JsonReader::of_document(block, message.document() + ", content");
    take(fields, fields.string("type"));
  }
}

[[noreturn]] void refuse_block(const JsonReader& block, std::string_view type) {
  fail(ErrorCode::kUnsupported, "{}: a block of type \"{}\", which this server does not take here", block.document(),
       excerpt(type));
}

/// Results of tools, each a message, and then what the user said, if anything.
void add_user_message(const JsonReader& message, json::array& messages) {
  json::string text;
  bool has_results = false;
  for_each_block(message, [&](const JsonReader& block, std::string_view type) {
    if (type == "text") {
      text += block.string("text");
    } else if (type == "tool_result") {
      messages.push_back(json::object{
          {"role", "tool"}, {"tool_call_id", block.string("tool_use_id")}, {"content", text_under(block, "content")}});
      has_results = true;
    } else {
      refuse_block(block, type);
    }
  });
  if (!text.empty() || !has_results) messages.push_back(json::object{{"role", "user"}, {"content", std::move(text)}});
}

json::object call_of(const JsonReader& block) {
  const auto input = block.optional_object("input");
  return {{"id", block.string("id")},
          {"type", "function"},
          {"function",
           json::object{{"name", block.string("name")}, {"arguments", input ? input->json() : json::object()}}}};
}

void add_assistant_message(const JsonReader& message, json::array& messages) {
  json::string text;
  json::string reasoning;
  json::array calls;
  for_each_block(message, [&](const JsonReader& block, std::string_view type) {
    if (type == "text") {
      text += block.string("text");
    } else if (type == "thinking") {
      reasoning += block.string("thinking");
    } else if (type == "tool_use") {
      calls.push_back(call_of(block));
    } else if (type != "redacted_thinking") {  // which only Anthropic can read
      refuse_block(block, type);
    }
  });
  json::object result{{"role", "assistant"}, {"content", std::move(text)}};
  if (!reasoning.empty()) result["reasoning_content"] = std::move(reasoning);
  if (!calls.empty()) result["tool_calls"] = std::move(calls);
  messages.push_back(std::move(result));
}

json::array messages_of(const JsonReader& fields) {
  json::array messages;
  if (fields.has("system")) {
    messages.push_back(json::object{{"role", "system"}, {"content", text_under(fields, "system")}});
  }
  const json::array* const given = fields.optional_array("messages");
  if (given == nullptr || given->empty()) {
    fail(ErrorCode::kInvalidArgument, "messages: a list of at least one message is needed");
  }
  for (std::size_t i = 0; i < given->size(); ++i) {
    const JsonReader message = JsonReader::of_document((*given)[i], fmt::format("messages[{}]", i));
    const std::string_view role = message.string("role");
    if (role == "user") {
      add_user_message(message, messages);
    } else if (role == "assistant") {
      add_assistant_message(message, messages);
    } else if (role == "system") {
      messages.push_back(json::object{{"role", "system"}, {"content", text_under(message, "content")}});
    } else {
      fail(ErrorCode::kInvalidArgument, "messages[{}]: role \"{}\"; there are user, assistant and system", i,
           excerpt(role));
    }
  }
  return messages;
}

json::array chat_tools(const json::array& tools) {
  json::array result;
  for (const json::value& tool : tools) {
    const JsonReader fields = JsonReader::of_document(tool, "tools");
    if (fields.optional_string("type").value_or("custom") != "custom") continue;
    json::object function{{"name", fields.string("name")}};
    if (const auto description = fields.optional_string("description")) function["description"] = *description;
    const auto schema = fields.optional_object("input_schema");
    function["parameters"] = schema ? schema->json() : json::object{{"type", "object"}};
    result.push_back(json::object{{"type", "function"}, {"function", std::move(function)}});
  }
  return result;
}

json::value chat_tool_choice(const JsonReader& choice) {
  const std::string_view type = choice.string("type");
  if (type == "auto" || type == "none") return json::string(type);
  if (type == "any") return "required";
  if (type != "tool") {
    fail(ErrorCode::kInvalidArgument, "tool_choice: type \"{}\"; there are auto, any, tool and none", excerpt(type));
  }
  return json::object{{"type", "function"}, {"function", json::object{{"name", choice.string("name")}}}};
}

/// output_config.format, which is always a schema.
json::object chat_response_format(const JsonReader& format) {
  const auto schema = format.optional_object("schema");
  if (!schema) fail(ErrorCode::kInvalidArgument, "{}: a schema is needed", format.document());
  return {{"type", "json_schema"}, {"json_schema", json::object{{"name", "output"}, {"schema", schema->json()}}}};
}

}  // namespace

json::object chat_of_messages(json::object request) {
  const JsonReader fields(request, "the request");
  json::object changes;
  changes["messages"] = messages_of(fields);
  if (const json::array* const tools = fields.optional_array("tools")) changes["tools"] = chat_tools(*tools);
  if (const auto choice = fields.optional_object("tool_choice")) changes["tool_choice"] = chat_tool_choice(*choice);
  if (const json::array* const stops = fields.optional_array("stop_sequences")) changes["stop"] = *stops;
  if (const auto config = fields.optional_object("output_config")) {
    if (const auto format = config->optional_object("format"))
      changes["response_format"] = chat_response_format(*format);
  }
  for (auto& [key, value] : changes) request[key] = std::move(value);
  return request;
}

}  // namespace marlin::api
