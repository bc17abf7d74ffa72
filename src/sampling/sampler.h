// SPDX-License-Identifier: Apache-2.0
// A TokenChooser with a state of its own, for choosing on the host. Tests judge the sample kernel by it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "abi/sample.h"
#include "base/memory.h"
#include "metal_marlin/generation_options.h"
#include "sampling/token_chooser.h"

namespace marlin {

/// Not thread-safe; one per sequence.
class Sampler {
 public:
  /// As make_sample_arguments().
  Sampler(const SamplingOptions& options, std::int64_t vocab_size, std::int64_t n_usable = -1);

  /// As the function of that name.
  void observe_prompt(std::span<const std::int32_t> tokens);

  /// As those of TokenChooser.
  std::int32_t sample(std::span<float> logits);
  std::vector<TokenProbability> distribution(std::span<float> logits);

  /// The seed in use: the one given, or the random one.
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

 private:
  abi::SampleArguments arguments_;
  std::uint64_t seed_;
  PageMemory state_;
};

}  // namespace marlin
