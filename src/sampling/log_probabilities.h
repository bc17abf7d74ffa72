// SPDX-License-Identifier: Apache-2.0
// The model's own distribution over the next token, before any sampling option: what `logprobs` of the API and scores
// of texts are. A session and the batch engine compute it from logits on the host. Good to 1e-6, whatever the logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace marlin {

struct TokenLogProbability {
  std::int32_t token = 0;
  double log_probability = 0.0;  ///< natural; at most 0, possibly -infinity
};

/// Of one place of a text.
struct LogProbabilities {
  TokenLogProbability chosen;
  std::vector<TokenLogProbability> top;  ///< the most probable first, of equals the lowest id first
};

/// Natural log of the probability of `token`, which indexes `logits`: at most 0. Logits of +infinity share all
/// probability among them; a logit of -infinity has none. Errors, here and below: kDevice if a logit is NaN, or all are
/// -infinity.
double log_probability(std::span<const float> logits, std::int32_t token);

/// The same of `chosen`, and the `n_top` most probable tokens (or all there are).
LogProbabilities log_probabilities(std::span<const float> logits, std::int32_t chosen, std::size_t n_top);

}  // namespace marlin
