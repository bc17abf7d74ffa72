// SPDX-License-Identifier: Apache-2.0
#include "serving/prompt_scores.h"

namespace marlin {

std::span<const LogProbabilities> PromptScores::see(std::span<const float> logits, std::size_t vocab_size) {
  scores_.clear();
  for (; !logits.empty() && n_seen_ + 1 < prompt_.size(); logits = logits.subspan(vocab_size)) {
    scores_.push_back(log_probabilities(logits.first(vocab_size), prompt_[++n_seen_], n_top_));
  }
  return scores_;
}

}  // namespace marlin
