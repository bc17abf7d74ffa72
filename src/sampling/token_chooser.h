// SPDX-License-Identifier: Apache-2.0
// From logits to the next token of one sequence: bias, penalties, temperature, min-p, top-k, top-p, draw (the order and
// meaning of vLLM). Run by the sample kernel of the cpu backend and by Sampler. Surprise: nothing is sorted; the same
// seed gives the same tokens on every processor and backend, as all arithmetic is that of src/abi/sample_math.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "abi/sample.h"
#include "sampling/sampler_state.h"

namespace marlin {

struct TokenProbability {
  std::int32_t token = 0;
  double probability = 0.0;
};

/// Costs nothing to make, keeps nothing between choices: all of that is in the state, which must outlive this.
class TokenChooser {
 public:
  /// `state` is one that initialise_sampler_state() made for `arguments`.
  TokenChooser(const abi::SampleArguments& arguments, std::byte* state);

  /// The next token, which then counts as generated. `logits` [vocab_size] is modified. Allocates nothing. Errors:
  /// kDevice when a logit is NaN or none is above -infinity.
  std::int32_t sample(std::span<float> logits);

  /// What sample() would draw from: the tokens left, by ascending id, with probabilities that sum to 1. Draws and
  /// records nothing. `logits` [vocab_size] is modified; errors as of sample().
  std::vector<TokenProbability> distribution(std::span<float> logits);

 private:
  void apply_bias_and_penalties(std::span<float> logits) const;
  void select(std::span<float> logits);
  [[nodiscard]] float scan(std::span<float> logits) const;
  void gather_all(std::span<const float> logits, float max);
  void gather_top_k(std::span<const float> logits, float max);
  void keep_top_p(std::span<const float> logits, std::uint64_t mass);
  [[nodiscard]] std::uint64_t kept_mass() const;
  [[nodiscard]] std::int32_t draw() const;
  [[nodiscard]] std::int32_t draw_from_all(std::uint64_t target) const;

  abi::SampleArguments args_;
  SamplerState state_;
  std::size_t n_usable_;

  // Of one choice. With `keeps_all_`, every token is kept and the state's `kept` is not filled.
  std::size_t n_kept_ = 0;
  bool keeps_all_ = false;
};

}  // namespace marlin
