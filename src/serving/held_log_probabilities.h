// SPDX-License-Identifier: Apache-2.0
// Log probabilities of tokens until their text is out: a stop string may hold text back, or cut it off. The batch
// engine has one for each generation that asked for them. Surprise: a token is told with the first byte of its text,
// and one whose text begins behind the cut never.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <vector>

#include "sampling/log_probabilities.h"

namespace marlin {

class HeldLogProbabilities {
 public:
  /// Of the next token, whose text is the bytes `begin` to `end` of all text: none if it only begins a character, or
  /// has no text.
  void push(LogProbabilities of_token, std::size_t begin, std::size_t end);

  /// `n_bytes` of the text are out: what belongs to them and was not released yet. Valid until the next call.
  std::span<const LogProbabilities> release(std::size_t n_bytes);

 private:
  struct Held {
    LogProbabilities of_token;
    std::size_t begin;
    std::size_t end;
  };

  std::deque<Held> held_;
  std::vector<LogProbabilities> released_;
};

}  // namespace marlin
