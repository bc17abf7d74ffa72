// SPDX-License-Identifier: Apache-2.0
// What the text of one generation may become, as the batch engine needs it: the tokens that may come next, found as
// soon as the last one is known. Surprise: tokens that the request's own logit biases forbid are taken out here,
// because a choice among nothing would fail the pass, and with it all other sequences.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "generation/loaded_model.h"
#include "grammar/constrained_text.h"
#include "metal_marlin/generation_options.h"

namespace marlin {

/// The tokens of a model, for all constraints of its texts; takes a moment. Special tokens are never part of one.
/// Error: kNotFound without a tokenizer.
std::unique_ptr<const TokenMasker> make_token_masker(const LoadedModel& loaded);

class TokenConstraint {
 public:
  /// At the beginning of the text; `vocab_size` is the number of logits. Errors: kInvalidArgument for options that
  /// would leave nothing to choose from, kUnsupported if no token can begin the text.
  TokenConstraint(ConstrainedText text, const SamplingOptions& options, std::int64_t vocab_size);

  /// The tokens that may follow, at least one, unless the text is complete: as ops::mask_logits has them.
  [[nodiscard]] std::span<const std::uint32_t> mask() const { return mask_; }

  /// Nothing may follow.
  [[nodiscard]] bool is_complete() const { return text_.is_complete(); }

  /// Takes the chosen token and finds what may follow it. Error: kUnsupported if nothing can, and the text is not
  /// complete.
  void accept(std::int32_t token);

 private:
  void find_mask();

  ConstrainedText text_;
  std::vector<std::int32_t> forbidden_;
  std::vector<std::uint32_t> mask_;
};

}  // namespace marlin
