// SPDX-License-Identifier: Apache-2.0
// From logits to the next token of one sequence: bias, penalties, temperature, min-p, top-k, top-p, draw (the order and
// meaning of vLLM). A session owns one sampler per request. Surprise: nothing is sorted and nothing is allocated per
// token; the same seed gives the same tokens on every platform.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "generation/sampler_cut.h"
#include "generation/sampler_random.h"
#include "metal_marlin/generation_options.h"

namespace marlin {

/// Checks the range of every option. Errors: kInvalidArgument, naming the option as the command line spells it
/// ("--top-p must be in (0, 1], got 1.5").
void validate(const SamplingOptions& options);

/// The same for a request and its sampling options.
void validate(const GenerationOptions& options);

struct TokenProbability {
  std::int32_t token = 0;
  double probability = 0.0;
};

/// Not thread-safe; one per sequence.
class Sampler {
 public:
  /// `vocab_size` is the number of logits per position. Tokens from `n_usable` on (padding rows of the output layer
  /// that the tokenizer does not know) are never chosen; -1 = all usable. Validates `options`; errors:
  /// kInvalidArgument.
  Sampler(const SamplingOptions& options, std::int64_t vocab_size, std::int64_t n_usable = -1);

  /// Tells the repetition penalty what the prompt holds; may be called several times. Errors: kInvalidArgument for a
  /// token outside the vocabulary.
  void observe_prompt(std::span<const std::int32_t> tokens);

  /// The next token, which then counts as generated. `logits` [vocab_size] is modified. Errors: kDevice when a logit is
  /// NaN or none is above -infinity.
  std::int32_t sample(std::span<float> logits);

  /// What sample() would draw from: the tokens left, by ascending id, with probabilities that sum to 1. Draws and
  /// records nothing. `logits` [vocab_size] is modified; errors as of sample().
  std::vector<TokenProbability> distribution(std::span<float> logits);

  /// The seed in use: the one given, or the random one.
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

 private:
  [[nodiscard]] bool penalizes() const noexcept { return !counts_.empty(); }
  void apply_bias_and_penalties(std::span<float> logits) const;
  void record(std::int32_t token, bool generated);
  void select(std::span<float> logits);
  float scan(std::span<float> logits);
  void gather_all(std::span<const float> logits, double max);
  void gather_top_k(std::span<const float> logits, double max);
  void keep_top_p(std::span<const float> logits, double mass);
  [[nodiscard]] double kept_mass() const;
  std::int32_t draw();
  [[nodiscard]] std::int32_t draw_from_all(double target) const;

  SamplingOptions options_;
  std::size_t vocab_size_;
  std::size_t n_usable_;
  std::uint64_t seed_;
  SamplerRandom random_;
  double inverse_temperature_;

  // Penalties only. Per token: -1 never seen, 0 in the prompt, else how often generated; and the tokens seen, once
  // each.
  std::vector<std::int32_t> counts_;
  std::vector<std::int32_t> seen_;

  // Scratch of one token's choice. With `keeps_all_`, every token is kept and `kept_` is not filled.
  CutFinder cut_;
  std::vector<float> block_max_;
  std::vector<float> block_order_;
  std::vector<double> block_mass_;
  std::vector<double> weights_;     // [n_usable], unnormalised probabilities; valid for kept tokens
  std::vector<std::int32_t> kept_;  // ascending; the first n_kept_
  std::size_t n_kept_ = 0;
  bool keeps_all_ = false;
};

}  // namespace marlin
