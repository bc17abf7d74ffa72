// SPDX-License-Identifier: Apache-2.0
// The passes over blocks: the same bits as token by token, at every length and with every instruction set.
#include "sampling/sampler_weights.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "abi/sample_math.h"
#include "sampling/sampler_random.h"
#include "sampling/sampler_state.h"

namespace marlin {
namespace {

abi::SampleArguments with_temperature(double temperature) {
  return make_sample_arguments({.temperature = temperature}, 1, -1);
}

TEST(WeighLogits, EqualsOneByOneAtEveryLength) {
  SamplerRandom random(2);
  const abi::SampleArguments arguments = with_temperature(2.0);
  for (std::size_t n = 1; n <= 200; ++n) {
    std::vector<float> logits(n);
    for (float& logit : logits) {
      logit = static_cast<float>(random.uniform() * 80.0 - 70.0);
    }
    logits[n / 2] = -std::numeric_limits<float>::infinity();
    // One element past the ends must stay as it is.
    std::vector<std::uint64_t> weights(n + 1, 77);
    std::vector<std::uint64_t> masses(logit_blocks(n) + 1, 77);
    const std::uint64_t total =
        weigh_logits(arguments, logits, 10.0F, weights, std::span(masses).first(logit_blocks(n)));
    std::uint64_t sum = 0;
    std::vector<std::uint64_t> sums(logit_blocks(n));
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(weights[i], abi::token_weight(10.0F, logits[i], arguments.distance_scale, arguments.distance_limit,
                                              arguments.distance_factor))
          << n << ", " << i;
      sum += weights[i];
      sums[i / kLogitBlock] += weights[i];
    }
    EXPECT_EQ(weights[n], 77U);
    EXPECT_EQ(masses.back(), 77U);
    masses.pop_back();
    EXPECT_EQ(masses, sums);
    EXPECT_EQ(total, sum);
  }
}

TEST(WeighLogits, EveryInstructionSetGivesTheSameBits) {
  SamplerRandom random(3);
  std::vector<float> logits(5000);
  for (float& logit : logits) {
    logit = static_cast<float>(std::pow(10.0, random.uniform() * 6.0 - 3.0) * -1.0);
  }
  logits[7] = -std::numeric_limits<float>::infinity();
  logits[8] = std::numeric_limits<float>::lowest();
  logits[9] = -0.0F;
  for (const double temperature : {5e-324, 0.8, 1.0, 40.0, 1e300}) {
    std::vector<std::uint64_t> first;
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      hwy::SetSupportedTargetsForTest(target);
      hwy::GetChosenTarget().Update(hwy::SupportedTargets());
      std::vector<std::uint64_t> weights(logits.size());
      std::vector<std::uint64_t> masses(logit_blocks(logits.size()));
      weights.push_back(weigh_logits(with_temperature(temperature), logits, 0.0F, weights, masses));
      if (first.empty()) {
        first = weights;
      }
      EXPECT_EQ(weights, first) << hwy::TargetName(target);
    }
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
