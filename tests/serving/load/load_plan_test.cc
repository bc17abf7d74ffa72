// SPDX-License-Identifier: Apache-2.0
#include "serving/load/load_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "metal_marlin/error.h"

namespace marlin::load {
namespace {

constexpr std::size_t kVocabulary = 1000;

std::vector<PlannedRequest> take(const LoadShape& shape, int n) {
  LoadPlan plan(shape, kVocabulary);
  std::vector<PlannedRequest> requests;
  for (int i = 0; i < n; ++i) requests.push_back(plan.next());
  return requests;
}

LoadShape varied() {
  return {.prompt_tokens = {10, 40},
          .output_tokens = {5, 9},
          .shared_prefix = 0.5,
          .cancel_share = 0.5,
          .rate = 8,
          .seed = 42};
}

TEST(LoadPlan, TheSameSeedGivesTheSamePlan) {
  const auto first = take(varied(), 50);
  const auto second = take(varied(), 50);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].arrival_seconds, second[i].arrival_seconds);
    EXPECT_EQ(first[i].picks, second[i].picks);
    EXPECT_EQ(first[i].output_tokens, second[i].output_tokens);
    EXPECT_EQ(first[i].leave_after, second[i].leave_after);
  }
}

TEST(LoadPlan, AnotherSeedGivesOtherPrompts) {
  LoadShape other = varied();
  other.seed = 43;
  EXPECT_NE(take(varied(), 1)[0].picks, take(other, 1)[0].picks);
}

TEST(LoadPlan, RateAndCancellationsDoNotChangePrompts) {
  LoadShape other = varied();
  other.rate = std::nullopt;
  other.cancel_share = 0;
  const auto first = take(varied(), 20);
  const auto second = take(other, 20);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].picks, second[i].picks);
    EXPECT_EQ(first[i].output_tokens, second[i].output_tokens);
    EXPECT_EQ(second[i].arrival_seconds, 0);
    EXPECT_FALSE(second[i].leave_after.has_value());
  }
}

TEST(LoadPlan, LengthsFillTheirRanges) {
  std::vector<std::size_t> prompts;
  std::vector<std::int64_t> outputs;
  for (const PlannedRequest& request : take(varied(), 2000)) {
    prompts.push_back(request.picks.size());
    outputs.push_back(request.output_tokens);
    for (const std::uint32_t pick : request.picks) EXPECT_LT(pick, kVocabulary);
  }
  EXPECT_EQ(*std::min_element(prompts.begin(), prompts.end()), 10U);
  EXPECT_EQ(*std::max_element(prompts.begin(), prompts.end()), 40U);
  EXPECT_EQ(*std::min_element(outputs.begin(), outputs.end()), 5);
  EXPECT_EQ(*std::max_element(outputs.begin(), outputs.end()), 9);
}

TEST(LoadPlan, PromptsShareTheirBeginningAndNoMore) {
  LoadShape shape = varied();
  shape.prompt_tokens = {40, 40};
  const auto requests = take(shape, 10);
  for (std::size_t i = 1; i < requests.size(); ++i) {
    const auto& a = requests[0].picks;
    const auto& b = requests[i].picks;
    EXPECT_TRUE(std::equal(a.begin(), a.begin() + 20, b.begin()));
    EXPECT_FALSE(std::equal(a.begin() + 20, a.end(), b.begin() + 20));
  }
  shape.shared_prefix = 1;
  EXPECT_EQ(take(shape, 2)[0].picks, take(shape, 2)[1].picks);
  shape.shared_prefix = 0;
  EXPECT_FALSE(std::equal(requests[0].picks.begin(), requests[0].picks.begin() + 20, take(shape, 1)[0].picks.begin()));
}

TEST(LoadPlan, ArrivalsAscendAtTheRate) {
  LoadShape shape;
  shape.rate = 50;
  const auto requests = take(shape, 5001);
  EXPECT_EQ(requests.front().arrival_seconds, 0);
  int n_short = 0;
  for (std::size_t i = 1; i < requests.size(); ++i) {
    const double gap = requests[i].arrival_seconds - requests[i - 1].arrival_seconds;
    EXPECT_GE(gap, 0);
    n_short += gap < 0.02 ? 1 : 0;  // shorter than the mean: 1 - 1/e of an exponential distribution
  }
  // Five standard deviations: of a sum of 5000 exponential gaps, and of a binomial count.
  EXPECT_NEAR(requests.back().arrival_seconds, 100, 7.1);
  EXPECT_NEAR(n_short, 5000 * 0.632, 171);
}

TEST(LoadPlan, CancelShareOfTheClientsLeaveBeforeTheEnd) {
  LoadShape shape;
  shape.cancel_share = 0.25;
  shape.output_tokens = {4, 4};
  int n_leave = 0;
  std::vector<int> moments(4);
  for (const PlannedRequest& request : take(shape, 4000)) {
    if (!request.leave_after) continue;
    ++n_leave;
    ASSERT_GE(*request.leave_after, 0);
    ASSERT_LT(*request.leave_after, 4);
    ++moments[static_cast<std::size_t>(*request.leave_after)];
  }
  EXPECT_NEAR(n_leave, 1000, 137);  // five standard deviations
  for (const int n : moments) EXPECT_NEAR(n, 250, 75);
  shape.cancel_share = 1;
  for (const PlannedRequest& request : take(shape, 100)) EXPECT_TRUE(request.leave_after.has_value());
}

TEST(LoadPlan, OptionsOutOfRangeAreNamed) {
  const auto refused = [](const char* option, const auto& change) {
    LoadShape shape;
    change(shape);
    try {
      const LoadPlan plan(shape, kVocabulary);
      ADD_FAILURE() << option;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find(option), std::string::npos) << error.what();
    }
  };
  refused("--prompt-tokens", [](LoadShape& s) { s.prompt_tokens = {0, 5}; });
  refused("--prompt-tokens", [](LoadShape& s) { s.prompt_tokens = {6, 5}; });
  refused("--output-tokens", [](LoadShape& s) { s.output_tokens.max = std::numeric_limits<std::int64_t>::max(); });
  refused("--shared-prefix", [](LoadShape& s) { s.shared_prefix = 1.01; });
  refused("--cancel-share", [](LoadShape& s) { s.cancel_share = std::numeric_limits<double>::quiet_NaN(); });
  refused("--rate", [](LoadShape& s) { s.rate = 0; });
  refused("--rate", [](LoadShape& s) { s.rate = std::numeric_limits<double>::infinity(); });
}

}  // namespace
}  // namespace marlin::load
