// SPDX-License-Identifier: Apache-2.0
// What the sampler draws: chi-square tests against exact distributions with fixed seeds, and the tokens of a seed,
// frozen.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "sampling/sampler.h"
#include "tests/sampling/sampler_reference.h"

namespace marlin {
namespace {

// Pearson's statistic of `n_draws` draws against the exact probabilities.
double chi_square(Sampler& sampler, const std::vector<float>& logits, const std::map<std::int32_t, double>& expected,
                  int n_draws) {
  std::map<std::int32_t, int> counts;
  std::vector<float> scratch;
  for (int i = 0; i < n_draws; ++i) {
    scratch = logits;
    ++counts[sampler.sample(scratch)];
  }
  for (const auto& [token, count] : counts) {
    EXPECT_TRUE(expected.contains(token)) << "token " << token << " drawn " << count << " times, not in the support";
  }
  double statistic = 0.0;
  for (const auto& [token, probability] : expected) {
    const double want = probability * n_draws;
    statistic += (counts[token] - want) * (counts[token] - want) / want;
  }
  return statistic;
}

// The bound is the mean plus 4 deviations of a chi-square of n - 1 degrees of freedom, plus a little for its skew.
double chi_square_bound(std::size_t n) {
  const double freedom = static_cast<double>(n) - 1.0;
  return freedom + 4.0 * std::sqrt(2.0 * freedom) + 10.0;
}

TEST(SamplerStatistics, DrawsFollowTheDistribution) {
  struct Case {
    const char* name;
    SamplingOptions options;
  };
  const std::vector<Case> cases = {{"none", {.seed = 11}},
                                   {"temperature", {.temperature = 0.6, .seed = 12}},
                                   {"top_k", {.top_k = 9, .seed = 13}},
                                   {"top_p", {.top_p = 0.8, .seed = 14}},
                                   {"min_p", {.min_p = 0.1, .seed = 15}}};
  const std::vector<float> logits = reference::random_logits(300, 5, 1.0F);
  const std::vector<double> exact(logits.begin(), logits.end());
  for (const Case& c : cases) {
    Sampler sampler(c.options, 300);
    const auto expected = reference::distribution(c.options, exact);
    EXPECT_LT(chi_square(sampler, logits, expected, 100000), chi_square_bound(expected.size())) << c.name;
  }
}

TEST(SamplerStatistics, TheCheckNoticesAWrongDistribution) {
  const std::vector<float> logits = reference::random_logits(300, 5, 1.0F);
  const std::vector<double> exact(logits.begin(), logits.end());
  Sampler sampler({.temperature = 0.95, .seed = 1}, 300);
  const auto expected = reference::distribution({.temperature = 1.0}, exact);
  EXPECT_GT(chi_square(sampler, logits, expected, 100000), chi_square_bound(expected.size()));
}

// Frozen: a change of any of these breaks the promise that a seed means the same text in every version.
TEST(SamplerSeed, TokensAreFrozen) {
  const std::vector<float> logits = reference::random_logits(5000, 42, 2.5F);
  const auto draw = [&](SamplingOptions options) {
    options.seed = 1234;
    Sampler sampler(options, 5000);
    std::vector<std::int32_t> tokens;
    for (int i = 0; i < 10; ++i) {
      std::vector<float> scratch = logits;
      tokens.push_back(sampler.sample(scratch));
    }
    return tokens;
  };
  EXPECT_EQ(draw({}), (std::vector<std::int32_t>{2842, 3402, 199, 3921, 1800, 899, 229, 4813, 2998, 2751}));
  EXPECT_EQ(draw({.temperature = 0.8, .top_p = 0.95}),
            (std::vector<std::int32_t>{3242, 3809, 289, 4028, 1976, 899, 316, 4846, 3402, 3198}));
  EXPECT_EQ(draw({.top_k = 40}), (std::vector<std::int32_t>{3820, 3992, 429, 4082, 2974, 1335, 429, 4846, 3876, 3820}));
  EXPECT_EQ(draw({.min_p = 0.05, .repetition_penalty = 1.2}),
            (std::vector<std::int32_t>{3402, 3892, 316, 4031, 2113, 1017, 393, 4846, 3119, 2842}));
}

TEST(SamplerSeed, GeneratorIsSplitMix64) {
  SamplerRandom random(0);  // the mixer maps 0 to 0, so this is the published sequence of seed 0
  EXPECT_EQ(random.next(), 0xE220A8397B1DCDAFULL);
  EXPECT_EQ(random.next(), 0x6E789E6AA1B965F4ULL);
  for (int i = 0; i < 1000; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
  }
}

TEST(SamplerSeed, UnsetSeedsDifferAndCanBeRepeated) {
  const Sampler a({}, 10);
  const Sampler b({}, 10);
  EXPECT_NE(a.seed(), b.seed());
  const std::vector<float> logits(1000, 0.0F);
  Sampler first({}, 1000);
  Sampler again({.seed = first.seed()}, 1000);
  for (int i = 0; i < 20; ++i) {
    std::vector<float> x = logits;
    std::vector<float> y = logits;
    EXPECT_EQ(first.sample(x), again.sample(y));
  }
}

}  // namespace
}  // namespace marlin
