// SPDX-License-Identifier: Apache-2.0
// Log probabilities of a prompt's tokens, from the logits of its rows as passes bring them. The batch engine has one
// for each request that asked for them. Surprise: the first token has none, and the last row is of no token of the
// prompt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sampling/log_probabilities.h"

namespace marlin {

class PromptScores {
 public:
  /// `prompt` must outlive this. `n_top`: tokens beside each.
  PromptScores(std::span<const std::int32_t> prompt, std::size_t n_top) : prompt_(prompt), n_top_(n_top) {}

  /// `logits`: of the rows that follow those seen, vocab_size each; of rows behind the prompt there may be any. Returns
  /// what they say of tokens of the prompt, until the next call. Errors: as log_probabilities().
  std::span<const LogProbabilities> see(std::span<const float> logits, std::size_t vocab_size);

 private:
  std::span<const std::int32_t> prompt_;
  std::size_t n_top_;
  std::size_t n_seen_ = 0;  // rows
  std::vector<LogProbabilities> scores_;
};

}  // namespace marlin
