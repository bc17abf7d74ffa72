// SPDX-License-Identifier: Apache-2.0
// See sampler.h.
#include "sampling/sampler.h"

#include "sampling/sampler_state.h"

namespace marlin {

Sampler::Sampler(const SamplingOptions& options, std::int64_t vocab_size, std::int64_t n_usable)
    : arguments_(make_sample_arguments(options, vocab_size, n_usable)),
      seed_(resolve_seed(options)),
      state_(arguments_.state_bytes) {
  initialise_sampler_state(arguments_, options, seed_, {state_.data(), state_.size()});
}

void Sampler::observe_prompt(std::span<const std::int32_t> tokens) {
  marlin::observe_prompt(arguments_, {state_.data(), state_.size()}, tokens);
}

std::int32_t Sampler::sample(std::span<float> logits) { return TokenChooser(arguments_, state_.data()).sample(logits); }

std::vector<TokenProbability> Sampler::distribution(std::span<float> logits) {
  return TokenChooser(arguments_, state_.data()).distribution(logits);
}

}  // namespace marlin
