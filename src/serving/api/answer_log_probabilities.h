// SPDX-License-Identifier: Apache-2.0
// Log probabilities of one choice on their way to a client: gathered as the engine tells them, shown as chat
// completions and completions have them. The protocols of these two have one per choice that asked. Surprise: a token
// of half a character shows as U+FFFD; its `bytes` are what it is.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/json_reader.h"
#include "sampling/log_probabilities.h"
#include "text/tokenizer.h"

namespace marlin::api {

struct ShownToken {
  std::string text;                       ///< valid UTF-8
  std::string bytes;                      ///< what it adds to a text
  std::optional<double> log_probability;  ///< none: it is the first of a prompt
};

struct ShownPlace {
  ShownToken chosen;
  std::vector<ShownToken> top;
  std::size_t text_offset = 0;  ///< characters of the tokens before it
};

class AnswerLogProbabilities {
 public:
  /// `tokenizer` must outlive this.
  explicit AnswerLogProbabilities(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  /// The first token of a prompt that is part of the answer; due before all others.
  void add_first(std::int32_t token);
  void add(std::span<const LogProbabilities> places);

  [[nodiscard]] std::span<const ShownPlace> all() const { return places_; }
  /// Those added since the last call; valid until the next add().
  std::span<const ShownPlace> next();

 private:
  void add_place(ShownToken chosen, std::vector<ShownToken> top);
  [[nodiscard]] ShownToken shown(std::int32_t token, std::optional<double> log_probability) const;

  const Tokenizer& tokenizer_;
  std::vector<ShownPlace> places_;
  std::size_t n_told_ = 0;
  std::size_t n_characters_ = 0;
};

/// As answers have it: -9999 stands for minus infinity, which JSON does not have.
double shown_log_probability(double log_probability);

/// `logprobs` of a chat completion: {"content": [{"token", "logprob", "bytes", "top_logprobs"}...]}.
boost::json::object chat_log_probabilities(std::span<const ShownPlace> places);

/// `logprobs` of a completion: {"tokens", "token_logprobs", "top_logprobs", "text_offset"}, lists as long as each
/// other. The token chosen is always among the top ones; of tokens that show alike the most probable is. The first of a
/// prompt has null in the middle two.
boost::json::object completion_log_probabilities(std::span<const ShownPlace> places);

/// How many top tokens `logprobs` and `top_logprobs` of a chat request ask for; nothing: no log probabilities. Errors:
/// kInvalidArgument or kBadFile naming the field, here and below.
std::optional<std::size_t> read_chat_log_probabilities(const JsonReader& fields);

/// The same of `logprobs` of a completion request, which is a number there.
std::optional<std::size_t> read_completion_log_probabilities(const JsonReader& fields);

}  // namespace marlin::api
