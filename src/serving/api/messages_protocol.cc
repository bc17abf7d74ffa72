// SPDX-License-Identifier: Apache-2.0
#include "serving/api/messages_protocol.h"

#include <fmt/format.h>

#include <utility>

#include "serving/api/openai_shapes.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

using Kind = AnswerItem::Kind;

/// The arguments of a call as an object; the parser writes one, but its depth is the model's.
json::value input_of(const AnswerItem& call) {
  boost::system::error_code error;
  json::value input = json::parse(call.text, error, {}, {.max_depth = 64});
  return error || !input.is_object() ? json::object() : std::move(input);
}

class MessagesProtocol final : public ItemProtocol {
 public:
  MessagesProtocol(const ServedModel& model, const ChatRequest& chat, bool streams)
      : ItemProtocol(model.format(), chat, streams),
        token_(random_token()),
        model_(model.name()),
        prompt_tokens_(static_cast<std::int64_t>(chat.generation.prompt.size())) {}

  json::object body(const Usage& usage) override {
    json::array content;
    for (std::size_t i = 0; i < items().size(); ++i) {
      json::object block = empty_block(i);
      switch (items()[i].kind) {
        case Kind::kReasoning:
          block["thinking"] = items()[i].text;
          break;
        case Kind::kText:
          block["text"] = items()[i].text;
          break;
        case Kind::kCall:
          block["input"] = input_of(items()[i]);
          break;
      }
      content.push_back(std::move(block));
    }
    json::object result = message(std::move(content), usage);
    result["stop_reason"] = stop_reason();
    result["stop_sequence"] = stop_sequence();
    return result;
  }

 private:
  void begin() override { say_of_type("message_start", {{"message", message({}, {.prompt_tokens = prompt_tokens_})}}); }

  void begin_item(std::size_t index) override {
    say_of_type("content_block_start", {{"index", index}, {"content_block", empty_block(index)}});
  }

  void grow_item(std::size_t index, std::string_view text) override {
    switch (items()[index].kind) {
      case Kind::kReasoning:
        return say_delta(index, {{"type", "thinking_delta"}, {"thinking", text}});
      case Kind::kText:
        return say_delta(index, {{"type", "text_delta"}, {"text", text}});
      case Kind::kCall:
        return say_delta(index, {{"type", "input_json_delta"}, {"partial_json", text}});
    }
  }

  void end_item(std::size_t index) override {
    // Clients wait for a signature, which would tell Anthropic that it wrote this itself.
    if (items()[index].kind == Kind::kReasoning) say_delta(index, {{"type", "signature_delta"}, {"signature", ""}});
    say_of_type("content_block_stop", {{"index", index}});
  }

  void end(const Usage& usage) override {
    say_of_type("message_delta",
                {{"delta", json::object{{"stop_reason", stop_reason()}, {"stop_sequence", stop_sequence()}}},
                 {"usage", usage_of(usage)}});
    say_of_type("message_stop", {});
  }

  void fail(const ApiError& error) override { say("error", anthropic_error(error)); }

  void say_of_type(std::string_view type, json::object data) {
    data["type"] = type;
    say(type, data);
  }

  void say_delta(std::size_t index, json::object delta) {
    say_of_type("content_block_delta", {{"index", index}, {"delta", std::move(delta)}});
  }

  [[nodiscard]] json::object message(json::array content, const Usage& usage) const {
    return {{"id", "msg_" + token_},         {"type", "message"},
            {"role", "assistant"},           {"model", model_},
            {"content", std::move(content)}, {"stop_reason", nullptr},
            {"stop_sequence", nullptr},      {"usage", usage_of(usage)}};
  }

  [[nodiscard]] json::object empty_block(std::size_t index) const {
    const AnswerItem& item = items()[index];
    switch (item.kind) {
      case Kind::kReasoning:
        return {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}};
      case Kind::kText:
        return {{"type", "text"}, {"text", ""}};
      case Kind::kCall:
        break;
    }
    return {{"type", "tool_use"},
            {"id", fmt::format("toolu_{}_{}", token_, index)},
            {"name", item.name},
            {"input", json::object()}};
  }

  [[nodiscard]] json::object usage_of(const Usage& usage) const {
    return {{"input_tokens", usage.prompt_tokens - usage.cached_tokens},
            {"cache_creation_input_tokens", 0},
            {"cache_read_input_tokens", usage.cached_tokens},
            {"output_tokens", usage.completion_tokens},
            {"output_tokens_details", json::object{{"thinking_tokens", reasoning_tokens()}}}};
  }

  [[nodiscard]] std::string_view stop_reason() const {
    if (finish_reason() == FinishReason::kLength) return "max_tokens";
    if (has_calls()) return "tool_use";
    return stop().empty() ? "end_turn" : "stop_sequence";
  }

  [[nodiscard]] json::value stop_sequence() const {
    return stop().empty() ? json::value(nullptr) : json::value(stop());
  }

  std::string token_;
  std::string model_;
  std::int64_t prompt_tokens_;
};

}  // namespace

std::unique_ptr<AnswerProtocol> make_messages_protocol(const ServedModel& model, const ChatRequest& chat,
                                                       bool streams) {
  return std::make_unique<MessagesProtocol>(model, chat, streams);
}

}  // namespace marlin::api
