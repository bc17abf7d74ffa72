// SPDX-License-Identifier: Apache-2.0
#include "serving/token_constraint.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/error.h"
#include "ops/mask_logits.h"

namespace marlin {
namespace {

// With these limits no finite logit of a model becomes infinite, so that what the mask allows can be chosen.
constexpr double kForbids = -1e30;
constexpr double kMaxRepetitionPenalty = 1e6;

std::vector<std::int32_t> forbidden_by(const std::vector<LogitBias>& biases) {
  std::map<std::int32_t, double> sums;
  for (const LogitBias& bias : biases) sums[bias.token] += bias.bias;
  std::vector<std::int32_t> forbidden;
  for (const auto& [token, bias] : sums) {
    if (bias <= kForbids) forbidden.push_back(token);
  }
  return forbidden;
}

}  // namespace

std::unique_ptr<const TokenMasker> make_token_masker(const LoadedModel& loaded) {
  const Tokenizer& tokenizer = loaded.require_tokenizer();
  const auto n_tokens = static_cast<TokenId>(std::min(tokenizer.vocab_size(), loaded.info.vocab_size));
  std::vector<std::string> tokens;
  tokens.reserve(static_cast<std::size_t>(n_tokens));
  for (TokenId id = 0; id < n_tokens; ++id) {
    tokens.push_back(tokenizer.is_special(id) ? std::string() : tokenizer.token_bytes(id));
  }
  std::vector<std::uint32_t> ends;
  for (const std::int32_t id : loaded.defaults.eos_token_ids) {
    if (id < n_tokens) ends.push_back(static_cast<std::uint32_t>(id));
  }
  return std::make_unique<const TokenMasker>(std::move(tokens), std::move(ends));
}

TokenConstraint::TokenConstraint(ConstrainedText text, const SamplingOptions& options, std::int64_t vocab_size)
    : text_(std::move(text)), forbidden_(forbidden_by(options.logit_bias)) {
  if (options.repetition_penalty > kMaxRepetitionPenalty) {
    fail(ErrorCode::kInvalidArgument, "repetition_penalty: at most {} with structured output", kMaxRepetitionPenalty);
  }
  MARLIN_CHECK(static_cast<std::int64_t>(text_.masker().n_tokens()) <= vocab_size);
  mask_.resize(static_cast<std::size_t>(ops::mask_words(vocab_size)));
  find_mask();
}

void TokenConstraint::accept(std::int32_t token) {
  if (!text_.accept(static_cast<std::uint32_t>(token))) {
    fail(ErrorCode::kUnsupported, "structured output: the grammar has too many possibilities here to be followed");
  }
  if (!is_complete()) find_mask();
}

void TokenConstraint::find_mask() {
  text_.mask(mask_);
  for (const std::int32_t token : forbidden_) mask_[static_cast<std::size_t>(token) / 32] &= ~(1U << (token % 32));
  if (std::all_of(mask_.begin(), mask_.end(), [](std::uint32_t word) { return word == 0; })) {
    fail(
        ErrorCode::kUnsupported,
        "structured output: no token of the vocabulary may come next; it is nested too deeply, logit_bias forbids what "
        "is needed, or the model cannot write it");
  }
}

}  // namespace marlin
