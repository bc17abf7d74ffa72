// SPDX-License-Identifier: Apache-2.0
// Rotary frequencies against figures worked out with 40 decimal digits from transformers' definitions
// (modeling_rope_utils), and against the reference implementation over a sweep of parameters.
#include "model/rope_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "tests/support/reference/rope.h"

namespace marlin {
namespace {

using Figures = std::vector<std::pair<std::size_t, double>>;  // pair index, frequency

void expect_figures(const std::vector<double>& frequencies, const Figures& figures) {
  for (const auto& [index, expected] : figures) {
    ASSERT_LT(index, frequencies.size());
    EXPECT_NEAR(frequencies[index], expected, 1e-13 * expected) << "pair " << index;
  }
}

void expect_near(const std::vector<double>& actual, const std::vector<double>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-12 * expected[i]) << i;
}

RopeConfig llama3(double theta, double factor) {
  return {.theta = theta,
          .scaling = RopeScaling::kLlama3,
          .factor = factor,
          .low_freq_factor = 1.0,
          .high_freq_factor = 4.0,
          .original_max_positions = 8192};
}

RopeConfig yarn(double theta, double factor) {
  return {.theta = theta,
          .scaling = RopeScaling::kYarn,
          .factor = factor,
          .original_max_positions = 4096,
          .beta_fast = 32.0,
          .beta_slow = 1.0};
}

TEST(RopeFrequencies, Plain) {
  expect_figures(rope_frequencies({.theta = 1e6}, 64),
                 {{0, 1.0}, {1, 0.64938163157621132}, {15, 0.001539926526059492}, {31, 1.5399265260594919e-06}});
  EXPECT_EQ(rope_frequencies({.theta = 1e6}, 64).size(), 32U);
}

TEST(RopeFrequencies, Linear) {
  const RopeConfig config{.theta = 1e6, .scaling = RopeScaling::kLinear, .factor = 4.0};
  expect_figures(rope_frequencies(config, 64),
                 {{0, 0.25}, {1, 0.64938163157621132 / 4}, {31, 1.5399265260594919e-06 / 4}});
}

// Llama 3.1: 28 is the last that is kept, 35 the first that is divided by 8; a smooth transition between.
TEST(RopeFrequencies, Llama3) {
  expect_figures(rope_frequencies(llama3(500000, 8), 128), {{0, 1.0},
                                                            {28, 0.0032114459947525909},
                                                            {29, 0.0021665707635033587},
                                                            {30, 0.0013718935677611381},
                                                            {32, 0.00052484616099295468},
                                                            {34, 0.00017850781276799641},
                                                            {35, 9.5562123539646833e-05},
                                                            {36, 7.7846552739324498e-05},
                                                            {63, 3.0689259889145111e-07}});
}

// DeepSeek-V3: the ramp goes from pair 10 to pair 23.
TEST(RopeFrequencies, Yarn) {
  expect_figures(rope_frequencies(yarn(10000, 40), 64), {{0, 1.0},
                                                         {9, 0.074989420933245579},
                                                         {10, 0.056234132519034911},
                                                         {11, 0.039006926567143857},
                                                         {16, 0.0055},
                                                         {22, 0.00017782794100389227},
                                                         {23, 3.3338035804083099e-05},
                                                         {24, 2.5e-05},
                                                         {31, 3.3338035804083101e-06}});
  expect_figures(rope_frequencies(yarn(150000, 32), 64), {{0, 1.0},
                                                          {8, 0.050813274815461475},
                                                          {9, 0.031620752275346491},
                                                          {12, 0.0070157139105043878},
                                                          {17, 0.00022794779579512526},
                                                          {18, 3.8308812373753384e-05},
                                                          {31, 3.0235114281192144e-07}});
}

TEST(RopeFrequencies, MatchTheReference) {
  for (const std::int64_t dim : {2, 32, 64, 80, 128}) {
    const auto size = static_cast<std::size_t>(dim);
    for (const double theta : {1e4, 5e5, 1e7}) {
      expect_near(rope_frequencies({.theta = theta}, dim), reference::plain_frequencies(size, theta));
      for (const double factor : {1.0, 8.0, 40.0}) {
        expect_near(rope_frequencies(llama3(theta, factor), dim),
                    reference::llama3_frequencies(size, theta, factor, 1.0, 4.0, 8192));
        expect_near(rope_frequencies(yarn(theta, factor), dim),
                    reference::yarn_frequencies(size, theta, factor, 32.0, 1.0, 4096));
      }
    }
  }
}

// An original context so short that the ramp has no width must not divide by zero.
TEST(RopeFrequencies, YarnRampWithoutWidth) {
  RopeConfig config = yarn(10000, 4);
  config.original_max_positions = 1;
  for (const double frequency : rope_frequencies(config, 32)) EXPECT_TRUE(std::isfinite(frequency) && frequency > 0);
}

TEST(RopeTable, HoldsCosinesAndSines) {
  constexpr std::size_t kPositions = 300;
  std::vector<float> table(kPositions * 64, std::nanf(""));
  const RopeConfig config{.theta = 1e6};
  fill_rope_table(config, 64, table);
  const std::vector<double> frequencies = rope_frequencies(config, 64);
  for (std::size_t position = 0; position < kPositions; ++position) {
    for (std::size_t i = 0; i < 32; ++i) {
      const double angle = static_cast<double>(position) * frequencies[i];
      // one rounding to float32
      ASSERT_NEAR(table[position * 64 + 2 * i], std::cos(angle), 0x1p-24) << position << ", " << i;
      ASSERT_NEAR(table[position * 64 + 2 * i + 1], std::sin(angle), 0x1p-24) << position << ", " << i;
    }
  }
}

// Far out, angles computed in float32 would be wrong in the third digit.
TEST(RopeTable, IsExactAtTheEndOfALongContext) {
  constexpr std::size_t kPositions = 200000;
  std::vector<float> table(kPositions * 2);
  fill_rope_table({.theta = 1e4}, 2, table);  // one pair that turns by 1 per position
  EXPECT_NEAR(table[2 * 199999], std::cos(199999.0), 0x1p-24);
  EXPECT_NEAR(table[2 * 199999 + 1], std::sin(199999.0), 0x1p-24);
  EXPECT_NEAR(table[2 * 131071], std::cos(131071.0), 0x1p-24);
}

TEST(RopeTable, AppliesTheAttentionFactor) {
  RopeConfig config = yarn(10000, 40);
  config.attention_factor = 1.25;
  std::vector<float> table(2 * 64);
  fill_rope_table(config, 64, table);
  EXPECT_EQ(table[0], 1.25F);  // position 0: cos 1, sin 0
  EXPECT_EQ(table[1], 0.0F);
  EXPECT_NEAR(table[64], 1.25 * std::cos(1.0), 1e-7);
  EXPECT_NEAR(table[65], 1.25 * std::sin(1.0), 1e-7);
}

}  // namespace
}  // namespace marlin
