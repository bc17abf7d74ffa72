// SPDX-License-Identifier: Apache-2.0
// The text of one sequence that must follow a grammar, token by token: mask() before the sampler chooses, accept() of
// what it chose. Not thread-safe; the masker is shared. Surprise: a grammar may be able to end and to go on at once
// ("12" may become "123"), so only an end token, or a place from which nothing follows, completes the text.
#pragma once

#include <cstdint>
#include <span>

#include "grammar/token_masker.h"

namespace marlin {

class ConstrainedText {
 public:
  /// `masker` must outlive this.
  ConstrainedText(const TokenMasker& masker, Grammar grammar) : masker_(&masker), state_(std::move(grammar)) {}

  /// The tokens that may follow, as TokenMasker::mask; none but end tokens once complete. No bit at all is set when the
  /// vocabulary has no token that fits (one without all 256 bytes) or the text is nested deeper than is followed.
  void mask(std::span<std::uint32_t> bits) const { masker_->mask(state_, bits); }

  /// Takes a token of the vocabulary. False if it may not follow; nothing has changed then. An end token ends the text.
  bool accept(std::uint32_t token);

  /// Whether the text follows the grammar and nothing can come, or an end token has come.
  [[nodiscard]] bool is_complete() const;

  [[nodiscard]] const GrammarState& state() const { return state_; }
  [[nodiscard]] const TokenMasker& masker() const { return *masker_; }

 private:
  const TokenMasker* masker_;
  GrammarState state_;
  bool ended_ = false;
};

}  // namespace marlin
