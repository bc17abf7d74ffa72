// SPDX-License-Identifier: Apache-2.0
// ConstrainedText on top of TokenMasker and GrammarState.
#include "grammar/constrained_text.h"

#include "base/error.h"

namespace marlin {

bool ConstrainedText::accept(std::uint32_t token) {
  MARLIN_CHECK(token < masker_->n_tokens());
  if (masker_->is_end(token)) {
    ended_ = ended_ || state_.can_end();
    return ended_;
  }
  const std::string& bytes = masker_->bytes(token);
  return !ended_ && !bytes.empty() && state_.advance(bytes);
}

bool ConstrainedText::is_complete() const { return ended_ || (state_.can_end() && state_.threads().threads.empty()); }

}  // namespace marlin
