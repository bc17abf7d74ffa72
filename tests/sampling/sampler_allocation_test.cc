// SPDX-License-Identifier: Apache-2.0
// Sampling a token allocates nothing.
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "sampling/sampler.h"
#include "tests/support/allocation_count.h"

namespace marlin {
namespace {

TEST(SamplerAllocation, NonePerToken) {
  const std::vector<SamplingOptions> cases = {
      {},
      {.temperature = 0.0},
      {.top_k = 40, .top_p = 0.9},
      {.top_k = 3000},
      {.top_p = 0.95},
      {.min_p = 0.1, .repetition_penalty = 1.1, .frequency_penalty = 0.1, .logit_bias = {{4, 1.0F}}}};
  const int n_tokens = 20000;
  std::vector<float> logits(n_tokens);
  std::vector<std::int32_t> prompt(n_tokens);
  std::iota(prompt.begin(), prompt.end(), 0);
  for (const SamplingOptions& options : cases) {
    Sampler sampler(options, n_tokens);
    const long before = test::allocation_count();
    sampler.observe_prompt(prompt);
    for (int step = 0; step < 5; ++step) {
      for (int i = 0; i < n_tokens; ++i) {
        logits[static_cast<std::size_t>(i)] = static_cast<float>((i * 37 + step) % 1000) * 0.01F;
      }
      sampler.sample(logits);
    }
    EXPECT_EQ(test::allocation_count(), before);
  }
}

}  // namespace
}  // namespace marlin
