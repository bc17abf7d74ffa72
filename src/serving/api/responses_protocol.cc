// SPDX-License-Identifier: Apache-2.0
#include "serving/api/responses_protocol.h"

#include <fmt/format.h>

#include <ctime>
#include <utility>

#include "serving/api/openai_shapes.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

using Kind = AnswerItem::Kind;

/// What a response repeats of the request, and says when the request does not.
json::object repeated_fields(const json::object& request, const GenerationOptions& options) {
  json::object fields{{"instructions", nullptr},
                      {"max_output_tokens", nullptr},
                      {"metadata", json::object()},
                      {"parallel_tool_calls", true},
                      {"previous_response_id", nullptr},
                      {"reasoning", json::object{{"effort", nullptr}, {"summary", nullptr}}},
                      {"store", false},
                      {"temperature", options.sampling.temperature},
                      {"text", json::object{{"format", json::object{{"type", "text"}}}}},
                      {"tool_choice", "auto"},
                      {"tools", json::array()},
                      {"top_p", options.sampling.top_p},
                      {"truncation", "disabled"},
                      {"user", nullptr}};
  for (const std::string_view key : {"instructions", "max_output_tokens", "metadata", "reasoning", "text",
                                     "tool_choice", "tools", "truncation", "user"}) {
    const json::value* const value = request.if_contains(key);
    if (value != nullptr && !value->is_null()) fields[key] = *value;
  }
  return fields;
}

class ResponsesProtocol final : public ItemProtocol {
 public:
  ResponsesProtocol(const ServedModel& model, const json::object& request, const ChatRequest& chat, bool streams)
      : ItemProtocol(model.format(), chat, streams),
        token_(random_token()),
        head_{{"id", "resp_" + token_},
              {"object", "response"},
              {"created_at", std::time(nullptr)},
              {"model", model.name()},
              {"background", false}} {
    for (auto& [key, value] : repeated_fields(request, chat.generation.options)) head_[key] = std::move(value);
  }

  json::object body(const Usage& usage) override {
    const bool cut = finish_reason() == FinishReason::kLength;
    json::object result = response(cut ? "incomplete" : "completed");
    json::array& output = result["output"].as_array();
    for (std::size_t i = 0; i < items().size(); ++i)
      output.push_back(item(i, items()[i].cut ? "incomplete" : "completed"));
    if (cut) result["incomplete_details"] = json::object{{"reason", "max_output_tokens"}};
    result["completed_at"] = std::time(nullptr);
    result["usage"] = json::object{
        {"input_tokens", usage.prompt_tokens},
        {"input_tokens_details", json::object{{"cached_tokens", usage.cached_tokens}, {"cache_write_tokens", 0}}},
        {"output_tokens", usage.completion_tokens},
        {"output_tokens_details", json::object{{"reasoning_tokens", reasoning_tokens()}}},
        {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
    return result;
  }

 private:
  void begin() override {
    event("response.created", {{"response", response("in_progress")}});
    event("response.in_progress", {{"response", response("in_progress")}});
  }

  void begin_item(std::size_t index) override {
    event("response.output_item.added", {{"output_index", index}, {"item", item(index, "in_progress")}});
    if (items()[index].kind == Kind::kCall) return;
    json::object part = part_event(index);
    part["part"] = content_part(items()[index].kind, "");
    event("response.content_part.added", std::move(part));
  }

  void grow_item(std::size_t index, std::string_view text) override {
    json::object data = text_event(index);
    data["delta"] = text;
    event(fmt::format("response.{}.delta", text_name(index)), std::move(data));
  }

  void end_item(std::size_t index) override {
    const AnswerItem& ended = items()[index];
    json::object data = text_event(index);
    data[ended.kind == Kind::kCall ? "arguments" : "text"] = ended.text;
    if (ended.kind == Kind::kCall) data["name"] = ended.name;
    event(fmt::format("response.{}.done", text_name(index)), std::move(data));
    if (ended.kind != Kind::kCall) {
      json::object part = part_event(index);
      part["part"] = content_part(ended.kind, ended.text);
      event("response.content_part.done", std::move(part));
    }
    event("response.output_item.done",
          {{"output_index", index}, {"item", item(index, ended.cut ? "incomplete" : "completed")}});
  }

  void end(const Usage& usage) override {
    json::object result = body(usage);
    const std::string name = fmt::format("response.{}", std::string_view(result["status"].as_string()));
    event(name, {{"response", std::move(result)}});
  }

  void fail(const ApiError& error) override {
    json::object result = response("failed");
    result["error"] = json::object{{"code", "server_error"}, {"message", error.message}};
    event("response.failed", {{"response", std::move(result)}});
  }

  void event(std::string_view name, json::object data) {
    data["type"] = name;
    data["sequence_number"] = n_events_++;
    say(name, data);
  }

  /// Without output and usage.
  [[nodiscard]] json::object response(std::string_view status) const {
    json::object result = head_;
    result["status"] = status;
    result["error"] = nullptr;
    result["incomplete_details"] = nullptr;
    result["output"] = json::array();
    result["usage"] = nullptr;
    return result;
  }

  /// An item in progress has no content yet: its events bring it.
  [[nodiscard]] json::object item(std::size_t index, std::string_view status) const {
    const AnswerItem& shown = items()[index];
    json::object result{{"id", item_id(index)}, {"status", status}};
    if (shown.kind == Kind::kCall) {
      result["type"] = "function_call";
      result["call_id"] = fmt::format("call_{}_{}", token_, index);
      result["name"] = shown.name;
      result["arguments"] = shown.text;
      return result;
    }
    json::array content;
    if (status != "in_progress") content.push_back(content_part(shown.kind, shown.text));
    result["content"] = std::move(content);
    if (shown.kind == Kind::kReasoning) {
      result["type"] = "reasoning";
      result["summary"] = json::array();
    } else {
      result["type"] = "message";
      result["role"] = "assistant";
    }
    return result;
  }

  static json::object content_part(Kind kind, std::string_view text) {
    if (kind == Kind::kReasoning) return {{"type", "reasoning_text"}, {"text", text}};
    return {{"type", "output_text"}, {"text", text}, {"annotations", json::array()}, {"logprobs", json::array()}};
  }

  /// What the events of an item's content have in common.
  [[nodiscard]] json::object part_event(std::size_t index) const {
    return {{"item_id", item_id(index)}, {"output_index", index}, {"content_index", 0}};
  }

  /// And those of its text.
  [[nodiscard]] json::object text_event(std::size_t index) const {
    json::object data = part_event(index);
    if (items()[index].kind == Kind::kCall) data.erase("content_index");
    if (items()[index].kind == Kind::kText) data["logprobs"] = json::array();
    return data;
  }

  [[nodiscard]] std::string item_id(std::size_t index) const {
    constexpr std::string_view kPrefixes[] = {"rs", "msg", "fc"};  // in the order of Kind
    return fmt::format("{}_{}_{}", kPrefixes[static_cast<std::size_t>(items()[index].kind)], token_, index);
  }

  [[nodiscard]] std::string_view text_name(std::size_t index) const {
    constexpr std::string_view kNames[] = {"reasoning_text", "output_text", "function_call_arguments"};
    return kNames[static_cast<std::size_t>(items()[index].kind)];
  }

  std::string token_;
  json::object head_;
  std::int64_t n_events_ = 0;
};

}  // namespace

std::unique_ptr<AnswerProtocol> make_responses_protocol(const ServedModel& model, const json::object& request,
                                                        const ChatRequest& chat, bool streams) {
  return std::make_unique<ResponsesProtocol>(model, request, chat, streams);
}

}  // namespace marlin::api
