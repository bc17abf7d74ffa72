// SPDX-License-Identifier: Apache-2.0
#include "serving/api/responses_request.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "io/json.h"
#include "io/json_reader.h"
#include "serving/api/text_content.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

/// The messages of a conversation out of the items of an input.
class InputItems {
 public:
  void add(const json::value& item, std::size_t index) {
    const std::string where = fmt::format("input[{}]", index);
    if (!item.is_object()) fail(ErrorCode::kInvalidArgument, "{}: an item must be an object", where);
    const JsonReader fields(item.get_object(), where);
    const std::string_view type = fields.optional_string("type").value_or("message");
    if (type == "message") {
      add_message(fields);
    } else if (type == "function_call") {
      add_call(fields);
    } else if (type == "function_call_output") {
      add_output(fields);
    } else if (type == "reasoning") {
      add_reasoning(fields);
    } else {
      fail(ErrorCode::kUnsupported,
           "{}: an item of type \"{}\"; there are message, reasoning, function_call and function_call_output", where,
           excerpt(type));
    }
  }

  void add_message(std::string_view role, json::string content) {
    messages_.push_back(json::object{{"role", role}, {"content", std::move(content)}});
  }

  json::array take() { return std::move(messages_); }

 private:
  void add_message(const JsonReader& item) {
    const std::string_view role = item.string("role");
    json::string content = content_of(item, "content");
    if (role == "assistant") {
      json::object& message = assistant();
      message["content"].as_string() += content;
    } else if (role == "system" || role == "developer") {
      add_message("system", std::move(content));
    } else if (role == "user") {
      add_message("user", std::move(content));
    } else {
      fail(ErrorCode::kInvalidArgument, "{}: role \"{}\"; there are user, assistant, system and developer",
           item.document(), excerpt(role));
    }
  }

  void add_call(const JsonReader& item) {
    json::object& message = assistant();
    if (!message.contains("tool_calls")) message["tool_calls"] = json::array();
    message["tool_calls"].as_array().push_back(json::object{
        {"id", item.string("call_id")},
        {"type", "function"},
        {"function", json::object{{"name", item.string("name")}, {"arguments", item.string("arguments")}}}});
  }

  void add_output(const JsonReader& item) {
    messages_.push_back(json::object{
        {"role", "tool"}, {"tool_call_id", item.string("call_id")}, {"content", content_of(item, "output")}});
  }

  /// What the assistant thought before the items that follow. A reasoning item without text says nothing to a model.
  void add_reasoning(const JsonReader& item) {
    if (!item.has("content")) return;
    add_message("assistant", "");
    messages_.back().as_object()["reasoning_content"] = content_of(item, "content");
  }

  static json::string content_of(const JsonReader& item, std::string_view key) {
    const json::value* const content = item.json().if_contains(key);
    return text_of_content(content == nullptr ? json::value() : *content, fmt::format("{}, {}", item.document(), key));
  }

  /// The assistant's message that is being put together.
  json::object& assistant() {
    const bool is_last = !messages_.empty() && messages_.back().as_object().at("role").as_string() == "assistant";
    if (!is_last) add_message("assistant", "");
    return messages_.back().as_object();
  }

  json::array messages_;
};

void refuse_what_needs_memory(const JsonReader& fields) {
  for (const std::string_view key : {"previous_response_id", "conversation", "prompt"}) {
    if (fields.has(key)) {
      fail(ErrorCode::kUnsupported, "{}: this server keeps no answers; send the whole conversation as input", key);
    }
  }
  if (fields.optional_boolean("background").value_or(false)) {
    fail(ErrorCode::kUnsupported, "background: this server answers while the client waits");
  }
}

json::array messages_of(const JsonReader& fields) {
  InputItems items;
  if (const auto instructions = fields.optional_string("instructions"))
    items.add_message("system", json::string(*instructions));
  const json::value* const input = fields.json().if_contains("input");
  if (input != nullptr && input->is_string()) {
    items.add_message("user", input->get_string());
  } else if (input != nullptr && input->is_array()) {
    std::size_t index = 0;
    for (const json::value& item : input->get_array()) items.add(item, index++);
  } else {
    fail(ErrorCode::kInvalidArgument, "input: a string or a list of items is needed");
  }
  return items.take();
}

/// Functions stand one level deeper in chat completions.
json::array chat_tools(const json::array& tools) {
  json::array result;
  for (const json::value& tool : tools) {
    const json::object* const fields = tool.if_object();
    const json::value* const type = fields == nullptr ? nullptr : fields->if_contains("type");
    if (type == nullptr) fail(ErrorCode::kInvalidArgument, "tools: each must be an object with a type");
    if (*type != "function") continue;
    json::object function = *fields;
    function.erase("type");
    result.push_back(json::object{{"type", "function"}, {"function", std::move(function)}});
  }
  return result;
}

json::value chat_tool_choice(const json::value& choice) {
  const json::object* const fields = choice.if_object();
  if (fields == nullptr) return choice;
  const JsonReader reader(*fields, "tool_choice");
  const std::string_view type = reader.string("type");
  if (type != "function") {
    fail(ErrorCode::kUnsupported, "tool_choice: type \"{}\"; this server has functions", excerpt(type));
  }
  return json::object{{"type", "function"}, {"function", json::object{{"name", reader.string("name")}}}};
}

/// text.format, whose schema stands one level deeper in chat completions.
json::value chat_response_format(const JsonReader& format) {
  if (format.string("type") != "json_schema") return format.json();
  json::object schema = format.json();
  schema.erase("type");
  return json::object{{"type", "json_schema"}, {"json_schema", std::move(schema)}};
}

}  // namespace

json::object chat_of_responses(json::object request) {
  const JsonReader fields(request, "the request");
  refuse_what_needs_memory(fields);
  json::object changes;
  changes["messages"] = messages_of(fields);
  if (const json::array* const tools = fields.optional_array("tools")) changes["tools"] = chat_tools(*tools);
  if (fields.has("tool_choice")) changes["tool_choice"] = chat_tool_choice(request.at("tool_choice"));
  if (const auto text = fields.optional_object("text")) {
    if (const auto format = text->optional_object("format")) changes["response_format"] = chat_response_format(*format);
  }
  if (const auto reasoning = fields.optional_object("reasoning")) {
    if (const auto effort = reasoning->optional_string("effort")) changes["reasoning_effort"] = *effort;
  }
  for (const std::string_view key : {"input", "instructions", "text", "reasoning", "top_logprobs"}) request.erase(key);
  for (auto& [key, value] : changes) request[key] = std::move(value);
  return request;
}

}  // namespace marlin::api
