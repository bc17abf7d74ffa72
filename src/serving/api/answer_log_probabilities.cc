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

/// JSON has no infinity; this is what stands for it elsewhere, too.
double finite(double log_probability) { return std::max(log_probability, -9999.0); }

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

json::object token_object(const ShownToken& token) {
  json::array bytes;
  for (const char c : token.bytes) bytes.emplace_back(static_cast<unsigned char>(c));
  return {{"token", token.text}, {"logprob", finite(token.log_probability)}, {"bytes", std::move(bytes)}};
}

}  // namespace

void AnswerLogProbabilities::add(std::span<const LogProbabilities> places) {
  for (const LogProbabilities& place : places) {
    ShownPlace& added = places_.emplace_back();
    added.chosen = shown(place.chosen);
    for (const TokenLogProbability& token : place.top) added.top.push_back(shown(token));
    added.text_offset = n_characters_;
    n_characters_ += count_characters(added.chosen.text);
  }
}

std::span<const ShownPlace> AnswerLogProbabilities::next() {
  const std::size_t n = n_told_;
  n_told_ = places_.size();
  return all().subspan(n);
}

ShownToken AnswerLogProbabilities::shown(const TokenLogProbability& token) const {
  std::string bytes = tokenizer_.token_bytes(token.token);
  std::string text = repair_utf8(bytes);
  return {std::move(text), std::move(bytes), token.log_probability};
}

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
    log_probabilities.emplace_back(finite(place.chosen.log_probability));
    json::object top;
    for (const ShownToken& token : place.top) top.emplace(token.text, finite(token.log_probability));
    top.emplace(place.chosen.text, finite(place.chosen.log_probability));
    tops.push_back(std::move(top));
    offsets.emplace_back(place.text_offset);
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
