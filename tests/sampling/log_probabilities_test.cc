// SPDX-License-Identifier: Apache-2.0
#include "sampling/log_probabilities.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/random_tensor.h"

namespace marlin {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<std::int32_t> top_tokens(const LogProbabilities& result) {
  std::vector<std::int32_t> tokens;
  for (const TokenLogProbability& entry : result.top) tokens.push_back(entry.token);
  return tokens;
}

TEST(LogProbabilities, AreThoseOfTheSoftmax) {
  const LogProbabilities result =
      log_probabilities(std::vector<float>{std::log(1.0F), std::log(2.0F), std::log(5.0F)}, 1, 3);
  EXPECT_NEAR(result.chosen.log_probability, std::log(2.0 / 8.0), 1e-7);
  EXPECT_EQ(top_tokens(result), (std::vector<std::int32_t>{2, 1, 0}));
  EXPECT_NEAR(result.top[0].log_probability, std::log(5.0 / 8.0), 1e-7);
  EXPECT_NEAR(result.top[2].log_probability, std::log(1.0 / 8.0), 1e-7);
}

TEST(LogProbabilities, OfAllTokensAddUpToOne) {
  const std::vector<float> logits = test::normal_tensor(5000, 1, 6.0);
  const LogProbabilities result = log_probabilities(logits, 17, logits.size());
  ASSERT_EQ(result.top.size(), logits.size());
  double sum = 0.0;
  for (std::size_t i = 0; i < result.top.size(); ++i) {
    sum += std::exp(result.top[i].log_probability);
    EXPECT_LE(result.top[i].log_probability, result.top[i == 0 ? 0 : i - 1].log_probability);
    if (result.top[i].token == 17) {
      EXPECT_EQ(result.top[i].log_probability, result.chosen.log_probability);
    }
  }
  EXPECT_NEAR(sum, 1.0, 1e-12);
}

TEST(LogProbabilities, DoNotDependOnHowLargeTheLogitsAre) {
  const LogProbabilities small = log_probabilities(std::vector<float>{0.0F, 1.0F, 3.0F}, 0, 0);
  const LogProbabilities large = log_probabilities(std::vector<float>{80000.0F, 80001.0F, 80003.0F}, 0, 0);
  EXPECT_NEAR(small.chosen.log_probability, large.chosen.log_probability, 1e-9);
  const float max = std::numeric_limits<float>::max();
  EXPECT_EQ(log_probabilities(std::vector<float>{-max, max}, 1, 0).chosen.log_probability, 0.0);
}

TEST(LogProbabilities, OfEqualTokensTheLowestComeFirst) {
  const std::vector<float> logits = {1.0F, 2.0F, 2.0F, 0.0F, 2.0F, 1.0F};
  EXPECT_EQ(top_tokens(log_probabilities(logits, 0, 2)), (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(top_tokens(log_probabilities(logits, 0, 4)), (std::vector<std::int32_t>{1, 2, 4, 0}));
}

TEST(LogProbabilities, MoreThanThereAreIsAllThereAre) {
  EXPECT_EQ(log_probabilities(std::vector<float>{1.0F, 2.0F}, 0, 20).top.size(), 2U);
  EXPECT_TRUE(log_probabilities(std::vector<float>{1.0F, 2.0F}, 0, 0).top.empty());
}

TEST(LogProbabilities, InfiniteLogitsAreTheLimitOfLargeOnes) {
  const LogProbabilities forbidden = log_probabilities(std::vector<float>{-kInfinity, 2.0F, 2.0F}, 0, 3);
  EXPECT_EQ(forbidden.chosen.log_probability, -kInfinity);
  EXPECT_NEAR(forbidden.top[0].log_probability, std::log(0.5), 1e-12);
  const LogProbabilities certain = log_probabilities(std::vector<float>{kInfinity, 2.0F, kInfinity}, 1, 3);
  EXPECT_EQ(top_tokens(certain), (std::vector<std::int32_t>{0, 2, 1}));
  EXPECT_NEAR(certain.top[1].log_probability, std::log(0.5), 1e-12);
  EXPECT_EQ(certain.chosen.log_probability, -kInfinity);
}

}  // namespace
}  // namespace marlin
