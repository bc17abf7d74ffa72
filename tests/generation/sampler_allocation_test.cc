// SPDX-License-Identifier: Apache-2.0
// Counts calls of the global operator new of this test program: sampling a token must make none.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <numeric>
#include <vector>

#include "generation/sampler.h"

// A sanitizer brings its own operator new, which cannot be replaced everywhere.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MARLIN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MARLIN_SANITIZED 1
#endif
#endif

namespace {
std::atomic<long> n_allocations{0};  // operator new has no other place to count in
}  // namespace

#if !defined(MARLIN_SANITIZED)
// Not inlined: seeing free() in one place and operator new in another, GCC would warn of a mismatch.
[[gnu::noinline]] void* operator new(std::size_t n_bytes) {
  ++n_allocations;
  if (void* memory = std::malloc(n_bytes == 0 ? 1 : n_bytes); memory != nullptr) {
    return memory;
  }
  throw std::bad_alloc();
}

[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*n_bytes*/) noexcept { std::free(memory); }
#endif

namespace marlin {
namespace {

TEST(SamplerAllocation, NonePerToken) {
#if defined(MARLIN_SANITIZED)
  GTEST_SKIP() << "allocations are not counted under a sanitizer";
#endif
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
    const long before_construction = n_allocations;
    Sampler sampler(options, n_tokens);
    const long before = n_allocations;
    EXPECT_GT(before, before_construction);  // the counter works
    sampler.observe_prompt(prompt);
    for (int step = 0; step < 5; ++step) {
      for (int i = 0; i < n_tokens; ++i) {
        logits[static_cast<std::size_t>(i)] = static_cast<float>((i * 37 + step) % 1000) * 0.01F;
      }
      sampler.sample(logits);
    }
    EXPECT_EQ(n_allocations, before);
  }
}

}  // namespace
}  // namespace marlin
