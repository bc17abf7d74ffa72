// SPDX-License-Identifier: Apache-2.0
#include "serving/load/openai_messages.h"

#include "base/error.h"
#include "io/json.h"
#include "io/json_reader.h"

namespace marlin::load {
namespace {

namespace json = boost::json;

/// The message of {"error": {"message"}} (OpenAI) or {"error": "message"}, if that is what this is.
std::optional<std::string> find_error(const json::object& object) {
  const json::value* const error = object.if_contains("error");
  if (error == nullptr || error->is_null()) return std::nullopt;
  const json::value* const message = error->is_object() ? error->as_object().if_contains("message") : error;
  return excerpt(message != nullptr && message->is_string() ? std::string(message->as_string())
                                                            : json::serialize(*error));
}

bool has_text(const JsonReader& fields, std::string_view key) {
  const auto text = fields.optional_string(key);
  return text && !text->empty();
}

bool choice_has_text(const json::value& value) {
  const JsonReader choice = JsonReader::of_document(value, "a choice of the stream");
  if (has_text(choice, "text")) return true;
  const auto delta = choice.optional_object("delta");
  if (!delta) return false;
  for (const std::string_view key : {"content", "reasoning_content", "reasoning"}) {
    if (has_text(*delta, key)) return true;
  }
  const json::array* const calls = delta->optional_array("tool_calls");
  return calls != nullptr && !calls->empty();
}

TokenUsage read_usage(const JsonReader& fields) {
  constexpr IntegerRange kCount{0, INT32_MAX};
  TokenUsage usage{.prompt_tokens = fields.integer("prompt_tokens", kCount),
                   .completion_tokens = fields.optional_integer("completion_tokens", kCount).value_or(0)};
  if (const auto details = fields.optional_object("prompt_tokens_details")) {
    usage.cached_tokens = details->optional_integer("cached_tokens", kCount).value_or(0);
  }
  return usage;
}

}  // namespace

std::string_view RequestForm::path() const {
  return endpoint == Endpoint::kChat ? "/chat/completions" : "/completions";
}

std::string RequestForm::body(std::span<const std::uint32_t> picks, std::int64_t output_tokens) const {
  json::object request{{"model", model},
                       {"max_tokens", output_tokens},
                       {"temperature", 0},
                       {"stream", true},
                       {"stream_options", json::object{{"include_usage", true}}}};
  if (ignore_eos) request["ignore_eos"] = true;
  if (endpoint == Endpoint::kChat) {
    request["messages"] = json::array{json::object{{"role", "user"}, {"content", vocabulary.prompt(picks)}}};
  } else {
    request["prompt"] = vocabulary.prompt(picks);
  }
  return json::serialize(request);
}

StreamMessage read_stream_message(std::string_view data) {
  StreamMessage message;
  if (data == "[DONE]") {
    message.is_done = true;
    return message;
  }
  const json::value parsed = parse_json(data, "an event of the stream");
  const JsonReader fields = JsonReader::of_document(parsed, "an event of the stream");
  message.error = find_error(fields.json());
  if (message.error) return message;
  if (const json::array* const choices = fields.optional_array("choices")) {
    for (const json::value& choice : *choices) message.has_text = message.has_text || choice_has_text(choice);
  }
  if (const auto usage = fields.optional_object("usage")) message.usage = read_usage(*usage);
  return message;
}

std::string read_first_model(std::string_view body) {
  const json::value parsed = parse_json(body, "the list of models");
  const JsonReader fields = JsonReader::of_document(parsed, "the list of models");
  const json::array* const models = fields.optional_array("data");
  if (models == nullptr || models->empty()) fail(ErrorCode::kBadFile, "the list of models is empty");
  return std::string(JsonReader::of_document(models->front(), "the list of models, data[0]").string("id"));
}

std::vector<std::int32_t> read_token_ids(std::string_view body) {
  const json::value parsed = parse_json(body, "the tokens");
  const json::array* const tokens = JsonReader::of_document(parsed, "the tokens").optional_array("tokens");
  std::vector<std::int32_t> ids;
  for (const json::value& token : tokens == nullptr ? json::array() : *tokens) {
    if (!token.is_int64() || token.as_int64() < 0 || token.as_int64() > INT32_MAX) {
      fail(ErrorCode::kBadFile, "the tokens are not a list of token ids");
    }
    ids.push_back(static_cast<std::int32_t>(token.as_int64()));
  }
  return ids;
}

std::string read_error(std::string_view body) {
  try {
    const json::value parsed = parse_json(body, "the error");
    if (parsed.is_object()) {
      if (auto message = find_error(parsed.as_object())) return *std::move(message);
    }
  } catch (const Error&) {  // then it is not JSON
  }
  body.remove_suffix(body.size() - (body.find_last_not_of(" \r\n") + 1));
  return excerpt(body);
}

}  // namespace marlin::load
