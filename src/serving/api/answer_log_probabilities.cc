// SPDX-License-Identifier: Apache-2.0
#include "serving/api/answer_log_probabilities.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "text/utf8.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

constexpr std::int64_t kMaxTop = 20;

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

json::value number_of(const ShownToken& token) {
  return token.log_probability ? json::value(shown_log_probability(*token.log_probability)) : json::value(nullptr);
}

json::object token_object(const ShownToken& token) {
  json::array bytes;
  for (const char c : token.bytes) bytes.emplace_back(static_cast<unsigned char>(c));
  return {{"token", token.text}, {"logprob", number_of(token)}, {"bytes", std::move(bytes)}};
}

}  // namespace

void AnswerLogProbabilities::add(std::span<const LogProbabilities> places) {
  for (const LogProbabilities& place : places) {
    std::vector<ShownToken> top;
    for (const TokenLogProbability& token : place.top) top.push_back(shown(token.token, token.log_probability));
    add_place(shown(place.chosen.token, place.chosen.log_probability), std::move(top));
  }
}

void AnswerLogProbabilities::add_first(std::int32_t token) { add_place(shown(token, std::nullopt), {}); }

void AnswerLogProbabilities::add_place(ShownToken chosen, std::vector<ShownToken> top) {
  const std::size_t n_characters = count_characters(chosen.text);
  places_.push_back({std::move(chosen), std::move(top), n_characters_});
  n_characters_ += n_characters;
}

std::span<const ShownPlace> AnswerLogProbabilities::next() {
  const std::size_t n = n_told_;
  n_told_ = places_.size();
  return all().subspan(n);
}

ShownToken AnswerLogProbabilities::shown(std::int32_t token, std::optional<double> log_probability) const {
  std::string bytes = tokenizer_.token_bytes(token);
  std::string text = repair_utf8(bytes);
  return {std::move(text), std::move(bytes), log_probability};
}

double shown_log_probability(double log_probability) { return std::max(log_probability, -9999.0); }

json::object chat_log_probabilities(std::span<const ShownPlace> places) {
  json::array content;
  for (const ShownPlace& place : places) {
    json::array top;
    for (const ShownToken& token : place.top) top.push_back(token_object(token));
    json::object entry = token_object(place.chosen);
    entry["top_logprobs"] = std::move(top);
    content.push_back(std::move(entry));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

json::object completion_log_probabilities(std::span<const ShownPlace> places) {
  json::array tokens;
  json::array log_probabilities;
  json::array tops;
  json::array offsets;
  for (const ShownPlace& place : places) {
    tokens.emplace_back(place.chosen.text);
    log_probabilities.push_back(number_of(place.chosen));
    offsets.emplace_back(place.text_offset);
    json::object top;
    for (const ShownToken& token : place.top) top.emplace(token.text, number_of(token));
    top.emplace(place.chosen.text, number_of(place.chosen));
    tops.push_back(place.chosen.log_probability ? json::value(std::move(top)) : json::value(nullptr));
  }
  return {{"tokens", std::move(tokens)},
          {"token_logprobs", std::move(log_probabilities)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

std::optional<std::size_t> read_chat_log_probabilities(const JsonReader& fields) {
  const auto n_top = fields.optional_integer("top_logprobs", {0, kMaxTop});
  const bool wanted = fields.optional_boolean("logprobs").value_or(false);
  if (!wanted && n_top.value_or(0) > 0) fail(ErrorCode::kInvalidArgument, "top_logprobs: needs \"logprobs\": true");
  return wanted ? std::optional(static_cast<std::size_t>(n_top.value_or(0))) : std::nullopt;
}

std::optional<std::size_t> read_completion_log_probabilities(const JsonReader& fields) {
  const auto n_top = fields.optional_integer("logprobs", {0, kMaxTop});
  return n_top ? std::optional(static_cast<std::size_t>(*n_top)) : std::nullopt;
}

}  // namespace marlin::api
