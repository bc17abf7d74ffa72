// SPDX-License-Identifier: Apache-2.0
// What a load says to a server of the OpenAI API and understands of its answers; no sockets. Surprise: a chunk counts
// as text whatever kind of text it carries: content, reasoning or a tool call, but not the role that opens a chat.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serving/load/prompt_vocabulary.h"

namespace marlin::load {

enum class Endpoint { kCompletions, kChat };

/// How requests are put, the same for all of a load.
struct RequestForm {
  Endpoint endpoint = Endpoint::kCompletions;
  std::string model;
  PromptVocabulary vocabulary;
  bool ignore_eos = true;  ///< not part of OpenAI's API, but of that of most servers one runs oneself

  /// Below the base of the API.
  [[nodiscard]] std::string_view path() const;
  /// A request for a stream with usage, greedy.
  [[nodiscard]] std::string body(std::span<const std::uint32_t> picks, std::int64_t output_tokens) const;
};

struct TokenUsage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t cached_tokens = 0;  ///< of the prompt; 0 if the server does not say
};

/// The data of one event of a stream.
struct StreamMessage {
  bool is_done = false;  ///< "[DONE]"
  bool has_text = false;
  std::optional<TokenUsage> usage;
  std::optional<std::string> error;  ///< what the server says went wrong
};

/// Errors of this and the following: kBadFile for what is not an answer of the OpenAI API.
StreamMessage read_stream_message(std::string_view data);

/// The id of the first of /v1/models.
std::string read_first_model(std::string_view body);

/// What /tokenize gave.
std::vector<std::int32_t> read_token_ids(std::string_view body);

/// What the body of an error response says: error.message, or the beginning of the body. Never fails.
std::string read_error(std::string_view body);

}  // namespace marlin::load
