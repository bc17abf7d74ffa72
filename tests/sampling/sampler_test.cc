// SPDX-License-Identifier: Apache-2.0
// The sampler against a literal reference, and at its edges. What it draws: sampler_draw_test.cc.
#include "sampling/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "metal_marlin/error.h"
#include "tests/sampling/sampler_reference.h"

namespace marlin {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Weights are 2^-20 from the exact ones, and one unit of 2^-40 of the largest; their sum the same, and a unit per
// token.
void expect_equal_distributions(const std::vector<TokenProbability>& got, const std::map<std::int32_t, double>& want,
                                std::size_t n_tokens, const std::string& label) {
  constexpr double kUnit = 0x1p-40;
  std::map<std::int32_t, double> rest = want;
  for (const TokenProbability& entry : got) {
    const auto exact = rest.find(entry.token);
    ASSERT_NE(exact, rest.end()) << label << ", token " << entry.token;
    const double relative = 0x1p-19 + static_cast<double>(n_tokens) * kUnit;
    ASSERT_NEAR(entry.probability, exact->second, exact->second * relative + kUnit) << label << ", " << entry.token;
    rest.erase(exact);
  }
  for (const auto& [token, probability] : rest) {
    ASSERT_LT(probability, kUnit) << label << ", token " << token << " is missing";
  }
}

void compare_with_reference(const SamplingOptions& options, const std::vector<float>& logits,
                            const std::string& label) {
  Sampler sampler(options, static_cast<std::int64_t>(logits.size()));
  std::vector<float> scratch = logits;
  const std::vector<double> exact(logits.begin(), logits.end());
  expect_equal_distributions(sampler.distribution(scratch), reference::distribution(options, exact), logits.size(),
                             label);
}

std::string message_of(const auto& action, ErrorCode code) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return {};
}

void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "'" << text << "' lacks '" << part << "'";
}

struct FilterCase {
  const char* name;
  SamplingOptions options;
};

class SamplerFilter : public testing::TestWithParam<FilterCase> {};

TEST_P(SamplerFilter, EqualsReference) {
  for (const std::size_t n_tokens : {1U, 2U, 7U, 63U, 64U, 65U, 128U, 1000U, 4099U}) {
    for (const float scale : {0.3F, 2.0F, 6.0F}) {
      const std::vector<float> logits = reference::random_logits(n_tokens, n_tokens, scale);
      const std::string label = std::to_string(n_tokens) + " tokens, scale " + std::to_string(scale);
      compare_with_reference(GetParam().options, logits, label);
      compare_with_reference(GetParam().options, reference::coarse(logits), label + ", coarse");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, SamplerFilter,
    testing::Values(FilterCase{"None", {}}, FilterCase{"Cold", {.temperature = 0.2}},
                    FilterCase{"Hot", {.temperature = 50.0}}, FilterCase{"TopK1", {.top_k = 1}},
                    FilterCase{"TopK2", {.top_k = 2}}, FilterCase{"TopK40", {.top_k = 40}},
                    FilterCase{"TopK999", {.top_k = 999}}, FilterCase{"TopKAll", {.top_k = 1000000}},
                    FilterCase{"TopP95", {.top_p = 0.95}}, FilterCase{"TopP50", {.top_p = 0.5}},
                    FilterCase{"TopPTiny", {.top_p = 1e-300}}, FilterCase{"TopPAlmostOne", {.top_p = 0.999999}},
                    FilterCase{"MinP05", {.min_p = 0.05}}, FilterCase{"MinP1", {.min_p = 1.0}},
                    FilterCase{"TopKTopP", {.top_k = 50, .top_p = 0.9}},
                    FilterCase{"MinPTopP", {.top_p = 0.8, .min_p = 0.1}},
                    FilterCase{"TopKMinP", {.top_k = 20, .min_p = 0.2}},
                    FilterCase{"Everything", {.temperature = 0.7, .top_k = 100, .top_p = 0.9, .min_p = 0.02}},
                    FilterCase{"HotTopP", {.temperature = 100.0, .top_p = 0.95}}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(Sampler, FullVocabularyEqualsReference) {
  const std::vector<float> logits = reference::random_logits(154880, 3, 3.0F);
  compare_with_reference({.top_p = 0.95}, logits, "top_p");
  compare_with_reference({.top_p = 0.95}, reference::coarse(logits), "top_p, coarse");
  compare_with_reference({.top_k = 3000}, reference::coarse(logits), "top_k more than there are blocks");
  compare_with_reference({.top_p = 0.95003}, std::vector<float>(154880, -3.5F), "flat");
}

TEST(Sampler, LowTokensThatMatterAreNotPruned) {
  // Half of the mass on one token, half spread evenly: most of the tail belongs to the nucleus.
  std::vector<float> tail(5000, 0.0F);
  tail[77] = std::log(5000.0F);
  compare_with_reference({.top_p = 0.95003}, tail, "tail");
  // One token per block, so that no block weighs much more than its one token.
  std::vector<float> spikes(5000, -60.0F);
  for (std::size_t i = 3; i < spikes.size(); i += 64) {
    spikes[i] = static_cast<float>(i % 5) * 0.1F;
  }
  compare_with_reference({.min_p = 0.9}, spikes, "spikes, min_p");
  compare_with_reference({.top_p = 0.97}, spikes, "spikes, top_p");
  compare_with_reference({.top_k = 30}, spikes, "spikes, top_k");
}

TEST(SamplerGreedy, LargestLogitLowestIdOfEquals) {
  Sampler sampler({.temperature = 0.0}, 100);
  std::vector<float> logits(100, -1.0F);
  logits[70] = 3.0F;
  logits[17] = 3.0F;
  EXPECT_EQ(sampler.sample(logits), 17);
  const auto all = sampler.distribution(logits);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].token, 17);
  EXPECT_EQ(all[0].probability, 1.0);
}

TEST(SamplerGreedy, ZerosOfBothSignsAreEqual) {
  std::vector<float> logits = {-1.0F, -0.0F, 0.0F};
  EXPECT_EQ(Sampler({.temperature = 0.0}, 3).sample(logits), 1);
  EXPECT_EQ(Sampler({.top_k = 1}, 3).sample(logits), 1);
}

TEST(Sampler, TinyTemperatureIsGreedyUpToTies) {
  for (const double temperature : {1e-6, 1e-30, 1e-300, 5e-324}) {
    Sampler sampler({.temperature = temperature}, 4);
    std::vector<float> logits = {1.0F, 5.0F, 5.0F, 4.999F};
    const auto got = sampler.distribution(logits);
    ASSERT_EQ(got.size(), 2U) << temperature;
    EXPECT_EQ(got[0].token, 1);
    EXPECT_EQ(got[1].token, 2);
    EXPECT_EQ(got[0].probability, 0.5);
  }
}

TEST(Sampler, HugeTemperatureIsUniform) {
  for (const double temperature : {1e12, 1e30, 1e300, std::numeric_limits<double>::max()}) {
    for (const float spread : {0.0F, 1.0F, 1e3F}) {
      Sampler sampler({.temperature = temperature}, 3);
      std::vector<float> logits = {spread, -spread, 0.0F};
      const auto got = sampler.distribution(logits);
      ASSERT_EQ(got.size(), 3U) << temperature;
      for (const TokenProbability& entry : got) {
        EXPECT_NEAR(entry.probability, 1.0 / 3.0, 1e-8) << temperature;
      }
    }
  }
  Sampler sampler({.temperature = 1e300}, 3);
  std::vector<float> logits = {1.0F, -kInfinity, std::numeric_limits<float>::lowest()};
  const auto got = sampler.distribution(logits);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].token, 0);
}

TEST(Sampler, WeightsThatUnderflowAreNeverDrawn) {
  Sampler sampler({.seed = 3}, 70);
  std::vector<float> logits(70, -28.5F);  // e^-28.5 is below 2^-41
  logits[1] = logits[69] = 0.0F;
  logits[68] = -27.0F;  // e^-27 is 2 units
  const auto got = sampler.distribution(logits);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0].token, 1);
  EXPECT_EQ(got[1].token, 68);
  EXPECT_EQ(got[1].probability * 0x1p41, 2.0 / (1.0 + 0x1p-40));
  EXPECT_EQ(got[2].token, 69);
}

TEST(Sampler, TopKKeepsTheLowestIdsOfEquals) {
  Sampler sampler({.top_k = 3}, 6);
  std::vector<float> logits = {0.0F, 1.0F, 0.0F, 1.0F, 0.0F, 1.0F};
  std::vector<std::int32_t> tokens;
  for (const TokenProbability& entry : sampler.distribution(logits)) {
    tokens.push_back(entry.token);
  }
  EXPECT_EQ(tokens, (std::vector<std::int32_t>{1, 3, 5}));
  Sampler two({.top_k = 2}, 6);
  ASSERT_EQ(two.distribution(logits).back().token, 3);
}

TEST(Sampler, OneTokenVocabulary) {
  for (const SamplingOptions& options :
       {SamplingOptions{}, {.temperature = 0.0}, {.top_k = 5}, {.top_p = 0.1}, {.min_p = 1.0}}) {
    Sampler sampler(options, 1);
    std::vector<float> logits = {-7.0F};
    EXPECT_EQ(sampler.sample(logits), 0);
  }
}

TEST(Sampler, PaddedTokensAreNeverChosen) {
  for (const double temperature : {0.0, 1.0}) {
    Sampler sampler({.temperature = temperature, .repetition_penalty = 1.1}, 8, 5);
    sampler.observe_prompt(std::vector<std::int32_t>{7});
    std::vector<float> logits = {0, 0, 1, 0, 0, 50, kInfinity, kNan};
    for (const TokenProbability& entry : sampler.distribution(logits)) {
      EXPECT_LT(entry.token, 5);
    }
    EXPECT_LT(sampler.sample(logits), 5);
  }
}

TEST(SamplerPenalties, HandComputed) {
  // Token 0 in the prompt, 1 generated once, 2 in both and generated twice, 3 unseen, 4 in the prompt with logit < 0.
  const SamplingOptions options{
      .temperature = 0.0, .repetition_penalty = 2.0, .presence_penalty = 0.5, .frequency_penalty = 0.25};
  Sampler sampler(options, 5);
  sampler.observe_prompt(std::vector<std::int32_t>{0, 2, 4, 0});
  std::vector<float> logits = {0, 9, 0, 0, 0};
  ASSERT_EQ(sampler.sample(logits), 1);
  for (int i = 0; i < 2; ++i) {
    logits = {0, 0, 9, 0, 0};
    ASSERT_EQ(sampler.sample(logits), 2);
  }
  logits = {3.0F, 3.0F, 3.0F, 3.0F, -3.0F};
  sampler.distribution(logits);
  // 3/2; 3/2 - 0.5 - 0.25; 3/2 - 0.5 - 2 * 0.25; 3; -3 * 2
  EXPECT_EQ(logits, (std::vector<float>{1.5F, 0.75F, 0.5F, 3.0F, -6.0F}));
}

TEST(SamplerPenalties, EqualReferenceOverAGeneration) {
  const SamplingOptions options{.temperature = 0.9,
                                .top_p = 0.9,
                                .repetition_penalty = 1.3,
                                .presence_penalty = -0.7,
                                .frequency_penalty = 1.1,
                                .seed = 8,
                                .logit_bias = {{3, 2.0F}, {90, -1.0F}, {3, 0.5F}}};
  const std::vector<std::int32_t> prompt = {5, 6, 7, 5, 99};
  Sampler sampler(options, 100);
  sampler.observe_prompt(prompt);
  std::vector<std::int32_t> output;
  for (std::uint64_t step = 0; step < 50; ++step) {
    const std::vector<float> logits = reference::random_logits(100, step, 2.0F);
    const std::vector<double> penalized = reference::penalized(options, logits, prompt, output);
    std::vector<float> scratch = logits;
    // Penalised logits are float again, hence the tolerance.
    const auto want = reference::distribution(options, penalized);
    const auto got = sampler.distribution(scratch);
    ASSERT_EQ(got.size(), want.size()) << step;
    for (const TokenProbability& entry : got) {
      ASSERT_NEAR(entry.probability, want.at(entry.token), 1e-6) << step;
    }
    scratch = logits;
    output.push_back(sampler.sample(scratch));
  }
}

TEST(SamplerBias, AddsAndForbids) {
  Sampler sampler({.temperature = 0.0, .logit_bias = {{2, 5.0F}, {0, -kInfinity}}}, 3);
  std::vector<float> logits = {kInfinity, 1.0F, -3.0F};
  EXPECT_EQ(sampler.sample(logits), 2);
  EXPECT_EQ(logits, (std::vector<float>{-kInfinity, 1.0F, 2.0F}));
}

TEST(SamplerErrors, BiasOutsideTheVocabulary) {
  for (const std::int32_t token : {-1, 3}) {
    const SamplingOptions options{.logit_bias = {{token, 1.0F}}};
    expect_contains(message_of([&] { Sampler(options, 3); }, ErrorCode::kInvalidArgument),
                    "--logit-bias names token " + std::to_string(token));
  }
}

TEST(SamplerErrors, PromptTokenOutsideTheVocabulary) {
  Sampler sampler({}, 3);
  for (const std::int32_t token : {-1, 3}) {
    expect_contains(message_of(
                        [&] {
                          sampler.observe_prompt(std::vector<std::int32_t>{0, token});
                        },
                        ErrorCode::kInvalidArgument),
                    "token " + std::to_string(token));
  }
}

TEST(SamplerErrors, NanIsNamedWhereverItIs) {
  for (const double temperature : {0.0, 1.0}) {
    for (std::size_t n_tokens : {1U, 8U, 64U, 150U}) {
      for (std::size_t at = 0; at < n_tokens; ++at) {
        Sampler sampler({.temperature = temperature}, static_cast<std::int64_t>(n_tokens));
        std::vector<float> logits(n_tokens, 1.0F);
        logits[at] = kNan;
        const std::string message = message_of([&] { sampler.sample(logits); }, ErrorCode::kDevice);
        expect_contains(message, "logits are not finite: the logit of token " + std::to_string(at));
      }
    }
  }
}

TEST(SamplerErrors, NothingLeftToChoose) {
  for (const double temperature : {0.0, 1.0}) {
    Sampler sampler({.temperature = temperature}, 100);
    std::vector<float> logits(100, -kInfinity);
    expect_contains(message_of([&] { sampler.sample(logits); }, ErrorCode::kDevice), "all are -infinity");
  }
}

TEST(Sampler, InfiniteLogits) {
  const std::vector<SamplingOptions> cases = {{}, {.top_k = 3}, {.top_p = 0.9}, {.min_p = 0.5}};
  for (const SamplingOptions& options : cases) {
    Sampler sampler(options, 100);
    std::vector<float> logits(100, 2.0F);
    logits[40] = kInfinity;
    logits[99] = kInfinity;
    const auto got = sampler.distribution(logits);
    ASSERT_EQ(got.size(), 2U);
    EXPECT_EQ(got[0].token, 40);
    EXPECT_EQ(got[0].probability, 0.5);
    EXPECT_EQ(got[1].token, 99);
  }
  Sampler greedy({.temperature = 0.0}, 3);
  std::vector<float> logits = {1.0F, kInfinity, kInfinity};
  EXPECT_EQ(greedy.sample(logits), 1);
}

TEST(Sampler, ForbiddenTokensAreNeverDrawn) {
  const std::vector<SamplingOptions> cases = {{.seed = 1}, {.top_k = 90, .seed = 1}, {.top_p = 0.999999, .seed = 1}};
  for (const SamplingOptions& options : cases) {
    Sampler sampler(options, 200);
    for (int i = 0; i < 500; ++i) {
      std::vector<float> logits(200, -kInfinity);
      logits[130] = 0.0F;
      logits[131] = std::numeric_limits<float>::lowest();
      logits[5] = -1.0F;
      const std::int32_t token = sampler.sample(logits);
      ASSERT_TRUE(token == 130 || token == 5) << token;
    }
  }
}

}  // namespace
}  // namespace marlin
