// SPDX-License-Identifier: Apache-2.0
#include "sampling/log_probabilities.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "tests/support/error_of.h"
#include "tests/support/random_tensor.h"

namespace marlin {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<std::int32_t> top_tokens(const LogProbabilities& result) {
  std::vector<std::int32_t> tokens;
  for (const TokenLogProbability& entry : result.top) tokens.push_back(entry.token);
  return tokens;
}

/// Softmax in double, term by term.
double reference(const std::vector<float>& logits, std::int32_t token) {
  const double max = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(logit - max);
  return logits[static_cast<std::size_t>(token)] - max - std::log(sum);
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
  EXPECT_NEAR(sum, 1.0, 1e-6);
}

TEST(LogProbabilities, DoNotDependOnHowLargeTheLogitsAre) {
  const LogProbabilities small = log_probabilities(std::vector<float>{0.0F, 1.0F, 3.0F}, 0, 0);
  const LogProbabilities large = log_probabilities(std::vector<float>{80000.0F, 80001.0F, 80003.0F}, 0, 0);
  EXPECT_NEAR(small.chosen.log_probability, large.chosen.log_probability, 1e-9);
  const float max = std::numeric_limits<float>::max();
  EXPECT_EQ(log_probabilities(std::vector<float>{-max, max}, 1, 0).chosen.log_probability, 0.0);
}

TEST(LogProbabilities, AreGoodTo1e6OnAnyRow) {
  for (const std::size_t n : {1U, 3U, 7U, 8U, 9U, 17U, 31U, 255U, 1000U, 154880U}) {
    std::vector<std::vector<float>> rows = {
        std::vector<float>(n, 3.7F),                                  // all equal
        std::vector<float>(n, -80000.3F),                             // and far from zero
        test::normal_tensor(n, 2, 1.0),                               //
        test::normal_tensor(n, 3, 30.0),                              //
        std::vector<float>(n, std::numeric_limits<float>::lowest()),  //
        std::vector<float>(n, std::numeric_limits<float>::denorm_min()),
    };
    for (const float distance : {1e-6F, 0.3F, 8.1F, 11.3F, 15.99F, 17.3F, 80.3F, 200.0F, 1e30F}) {
      rows.emplace_back(n, 0.1F - distance).back() = 0.1F;  // one that is larger than all others, which err alike
    }
    rows.push_back(test::normal_tensor(n, 4, 5.0));
    for (std::size_t i = 0; i + 1 < n; i += 2) rows.back()[i] = -kInfinity;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (const std::size_t token : {n / 2, n - 1}) {
        const double expected = reference(rows[i], static_cast<std::int32_t>(token));
        const double actual = log_probability(rows[i], static_cast<std::int32_t>(token));
        if (std::isinf(expected)) {
          EXPECT_EQ(actual, expected);
        } else {
          EXPECT_NEAR(actual, expected, 1e-6 + 1e-15 * std::abs(expected)) << "row " << i << " of " << n;
        }
      }
    }
  }
}

TEST(LogProbabilities, OfTheBestAreFoundWhereverTheyAre) {
  const std::size_t n = 5000;
  std::vector<float> logits = test::normal_tensor(n, 5, 1.0);
  std::vector<std::int32_t> expected(n);
  for (std::size_t i = 0; i < n; ++i) {
    logits[i] = std::round(logits[i] * 8.0F);  // many equals
    expected[i] = static_cast<std::int32_t>(i);
  }
  std::stable_sort(expected.begin(), expected.end(), [&](std::int32_t a, std::int32_t b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  for (const std::size_t n_top : {1U, 2U, 20U, 700U}) {
    const std::vector<std::int32_t> best(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(n_top));
    EXPECT_EQ(top_tokens(log_probabilities(logits, 0, n_top)), best);
  }
}

TEST(LogProbabilities, OfWhatIsNoDistributionAreAnError) {
  for (const std::size_t place : {0U, 500U, 999U}) {
    std::vector<float> logits(1000, 1.0F);
    logits[place] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(test::error_of([&] { log_probability(logits, 3); }).code(), ErrorCode::kDevice);
    EXPECT_EQ(test::error_of([&] { log_probabilities(logits, 3, 2); }).code(), ErrorCode::kDevice);
  }
  EXPECT_EQ(test::error_of([] { log_probability(std::vector<float>(9, -kInfinity), 3); }).code(), ErrorCode::kDevice);
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
