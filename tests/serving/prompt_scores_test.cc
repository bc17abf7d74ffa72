// SPDX-License-Identifier: Apache-2.0
#include "serving/prompt_scores.h"

#include <gtest/gtest.h>

#include <cmath>

namespace marlin {
namespace {

constexpr std::size_t kVocab = 3;

/// Rows in which `token` has half of the probability.
std::vector<float> rows_for(std::initializer_list<std::size_t> tokens) {
  std::vector<float> rows;
  for (const std::size_t token : tokens) {
    for (std::size_t i = 0; i < kVocab; ++i) rows.push_back(i == token ? std::log(2.0F) : 0.0F);
  }
  return rows;
}

TEST(PromptScores, AreOfTheTokensBehindTheRows) {
  const std::vector<std::int32_t> prompt = {2, 0, 1, 1};
  PromptScores scores(prompt, 1);
  ASSERT_EQ(scores.see(rows_for({0}), kVocab).size(), 1U);
  const std::vector<float> rest = rows_for({1, 2, 0});
  const std::span<const LogProbabilities> last = scores.see(rest, kVocab);
  ASSERT_EQ(last.size(), 2U) << "the last row is of what comes behind the prompt";
  EXPECT_EQ(last[0].chosen.token, 1);
  EXPECT_NEAR(last[0].chosen.log_probability, std::log(0.5), 1e-6);
  EXPECT_EQ(last[1].chosen.token, 1);
  EXPECT_NEAR(last[1].chosen.log_probability, std::log(0.25), 1e-6);
  ASSERT_EQ(last[1].top.size(), 1U);
  EXPECT_EQ(last[1].top[0].token, 2);
  EXPECT_TRUE(scores.see(rows_for({1}), kVocab).empty()) << "generated";
}

TEST(PromptScores, OfOneTokenAreNone) {
  const std::vector<std::int32_t> prompt = {2};
  PromptScores scores(prompt, 0);
  EXPECT_TRUE(scores.see(rows_for({0}), kVocab).empty());
}

}  // namespace
}  // namespace marlin
