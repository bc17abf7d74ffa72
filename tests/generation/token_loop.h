// SPDX-License-Identifier: Apache-2.0
// The token loop as a session runs it, on a model of random weights: what its tests share on every backend.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "generation/sequence.h"

namespace marlin::test {

inline constexpr const char* kDeepModel = "narrow-glm-4.7-flash";  // 47 layers, 64 experts and a shared one

inline std::vector<std::int32_t> prompt_of(std::size_t n) {
  std::vector<std::int32_t> prompt(n);
  for (std::size_t i = 0; i < n; ++i) prompt[i] = static_cast<std::int32_t>(i * 389 % 1024);
  return prompt;
}

/// What a session does: one pass is always encoded before the host has seen the token it reads.
inline std::vector<std::int32_t> generate(Sequence& sequence, std::span<const std::int32_t> prompt, int n,
                                          const SamplingOptions& sampling = {.temperature = 0.0}) {
  std::vector<std::int32_t> tokens;
  sequence.truncate(0);
  sequence.begin_sampling(sampling, prompt);
  sequence.append_and_sample(prompt);
  for (int i = 0; i < n; ++i) {
    if (i + 1 < n) sequence.step();
    tokens.push_back(sequence.next_token());
  }
  return tokens;
}

}  // namespace marlin::test
