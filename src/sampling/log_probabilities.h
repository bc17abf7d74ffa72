// SPDX-License-Identifier: Apache-2.0
// The model's own distribution over the next token, before any sampling option: what `logprobs` of the API asks for.
// The serving loop computes it from a copy of the logits, for the requests that want it.
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

/// The `n_top` most probable tokens (or all there are) and `chosen`, which indexes `logits`. Sums are in double, so
/// that logits of any size are good; logits of +infinity share all probability among them. None may be NaN.
LogProbabilities log_probabilities(std::span<const float> logits, std::int32_t chosen, std::size_t n_top);

}  // namespace marlin
