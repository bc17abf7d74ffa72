// SPDX-License-Identifier: Apache-2.0
// The sampler's own exponential and its passes over blocks.
#include "sampling/sampler_weights.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "sampling/sampler_random.h"

namespace marlin {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(NegativeExp, CloseToTheLibrary) {
  SamplerRandom random(1);
  for (int i = 0; i < 200000; ++i) {
    const double x = -std::pow(10.0, random.uniform() * 18.0 - 15.0) * 0.7;
    const double want = std::exp(x);
    ASSERT_LE(std::fabs(negative_exp(x) - want), 0x1p-50 * want) << x;
  }
}

TEST(NegativeExp, Ends) {
  EXPECT_EQ(negative_exp(0.0), 1.0);
  EXPECT_EQ(negative_exp(-0.0), 1.0);
  EXPECT_GT(negative_exp(-700.0), 0.0);
  EXPECT_EQ(negative_exp(-700.1), 0.0);
  EXPECT_EQ(negative_exp(-1e300), 0.0);
  EXPECT_EQ(negative_exp(-kInfinity), 0.0);
}

TEST(WeighLogits, EqualsOneByOneAtEveryLength) {
  SamplerRandom random(2);
  for (std::size_t n = 1; n <= 200; ++n) {
    std::vector<float> logits(n);
    for (float& logit : logits) {
      logit = static_cast<float>(random.uniform() * 30.0 - 20.0);
    }
    // One element past the ends must stay as it is.
    std::vector<double> weights(n + 1, -1.0);
    std::vector<double> masses(logit_blocks(n) + 1, -1.0);
    const double total = weigh_logits(logits, 10.0, 0.5, weights, std::span(masses).first(logit_blocks(n)));
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(weights[i], negative_exp((static_cast<double>(logits[i]) - 10.0) * 0.5)) << n << ", " << i;
      sum += weights[i];
    }
    EXPECT_EQ(weights[n], -1.0);
    EXPECT_EQ(masses.back(), -1.0);
    EXPECT_NEAR(total, sum, 1e-13 * sum);
  }
}

TEST(WeighLogits, EveryInstructionSetGivesTheSameBits) {
  SamplerRandom random(3);
  std::vector<float> logits(5000);
  for (float& logit : logits) {
    logit = static_cast<float>(std::pow(10.0, random.uniform() * 6.0 - 3.0) * -1.0);
  }
  std::vector<double> first;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    std::vector<double> weights(logits.size());
    std::vector<double> masses(logit_blocks(logits.size()));
    weights.push_back(weigh_logits(logits, 0.0, 1.0, weights, masses));
    if (first.empty()) {
      first = weights;
    }
    EXPECT_EQ(weights, first) << hwy::TargetName(target);
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(ScanLogits, MaximumOfEveryBlockAndNan) {
  for (const std::size_t n : {1U, 63U, 64U, 65U, 200U}) {
    for (std::size_t at = 0; at < n; ++at) {
      std::vector<float> logits(n, -2.0F);
      std::vector<float> block_max(logit_blocks(n));
      logits[at] = 7.0F;
      LogitScan scan = scan_logits(logits, block_max);
      EXPECT_EQ(scan.max, 7.0F);
      EXPECT_FALSE(scan.has_nan);
      for (std::size_t b = 0; b < block_max.size(); ++b) {
        EXPECT_EQ(block_max[b], b == at / kLogitBlock ? 7.0F : -2.0F);
      }
      logits[at] = std::numeric_limits<float>::quiet_NaN();
      scan = scan_logits(logits, block_max);
      EXPECT_TRUE(scan.has_nan);
    }
  }
}

}  // namespace
}  // namespace marlin
