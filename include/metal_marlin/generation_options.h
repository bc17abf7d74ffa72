// SPDX-License-Identifier: Apache-2.0
// What a caller may ask of one generation: how tokens are chosen and when to stop. Plain data without tensors or
// third-party types, so that programs, bindings and servers share it. Surprise: the defaults here are neutral (the
// model's own distribution); a model's recommended values come from its generation_config.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace marlin {

/// Added to the logit of `token` before anything else; -infinity forbids the token.
struct LogitBias {
  std::int32_t token = 0;
  float bias = 0.0F;

  friend bool operator==(const LogitBias&, const LogitBias&) = default;
};

/// How one token is chosen from the logits. The stages run in this order: logit bias, penalties, temperature, min_p,
/// top_k, top_p, draw; each filter works on what the one before it left, renormalised. Tokens below 2^-40 of the
/// largest probability are never drawn.
struct SamplingOptions {
  /// >= 0; 0 = greedy: the largest logit, the lowest id of equals.
  double temperature = 1.0;
  /// >= 0; keep the k most probable tokens; 0 = off.
  std::int64_t top_k = 0;
  /// (0, 1]; keep the fewest most probable tokens that reach this mass; 1 = off.
  double top_p = 1.0;
  /// [0, 1]; drop tokens below this share of the largest probability; 0 = off.
  double min_p = 0.0;
  /// > 0; for every token of prompt and output: a logit above 0 is divided by it, another multiplied; 1 = off.
  double repetition_penalty = 1.0;
  /// [-2, 2]; subtracted once from the logit of every token generated so far; 0 = off.
  double presence_penalty = 0.0;
  /// [-2, 2]; subtracted once per time the token was generated; 0 = off.
  double frequency_penalty = 0.0;
  /// The same seed, options and logits give the same tokens on every platform; unset = random.
  std::optional<std::uint64_t> seed = std::nullopt;
  /// Several entries for one token add up.
  std::vector<LogitBias> logit_bias = {};

  friend bool operator==(const SamplingOptions&, const SamplingOptions&) = default;
};

/// One generation request, apart from its prompt.
struct GenerationOptions {
  SamplingOptions sampling = {};
  std::int64_t max_tokens = -1;        ///< most tokens to generate, >= 1; -1 = until the context is full
  std::vector<std::string> stop = {};  ///< generation ends where one of these appears; its text is not returned
  bool ignore_eos = false;             ///< generate past the model's end-of-sequence tokens

  friend bool operator==(const GenerationOptions&, const GenerationOptions&) = default;
};

/// Why a generation ended.
enum class FinishReason {
  kStop,       ///< an end-of-sequence token or a stop string
  kLength,     ///< max_tokens, or the context is full
  kCancelled,  ///< the caller asked for it
};

}  // namespace marlin
