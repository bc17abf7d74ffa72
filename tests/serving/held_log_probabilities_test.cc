// SPDX-License-Identifier: Apache-2.0
#include "serving/held_log_probabilities.h"

#include <gtest/gtest.h>

namespace marlin {
namespace {

LogProbabilities of(std::int32_t token) { return {.chosen = {token, -1.0}, .top = {}}; }

std::vector<std::int32_t> tokens(std::span<const LogProbabilities> released) {
  std::vector<std::int32_t> result;
  for (const LogProbabilities& entry : released) result.push_back(entry.chosen.token);
  return result;
}

using Tokens = std::vector<std::int32_t>;

TEST(HeldLogProbabilities, ComeWithTheFirstByteOfTheirText) {
  HeldLogProbabilities held;
  held.push(of(1), 0, 4);
  EXPECT_EQ(tokens(held.release(0)), Tokens());
  held.push(of(2), 4, 6);
  EXPECT_EQ(tokens(held.release(3)), Tokens({1}));
  EXPECT_EQ(tokens(held.release(4)), Tokens());
  EXPECT_EQ(tokens(held.release(6)), Tokens({2}));
  EXPECT_EQ(tokens(held.release(6)), Tokens());
}

TEST(HeldLogProbabilities, BehindTheCutNeverCome) {
  HeldLogProbabilities held;
  held.push(of(1), 0, 4);
  held.push(of(2), 4, 8);  // the stop string begins inside
  held.push(of(3), 8, 9);
  EXPECT_EQ(tokens(held.release(5)), Tokens({1, 2}));
}

TEST(HeldLogProbabilities, WithoutTextComeWhenNothingBeforeThemIsHeldBack) {
  HeldLogProbabilities held;
  held.push(of(1), 0, 0);
  EXPECT_EQ(tokens(held.release(0)), Tokens({1}));
  held.push(of(2), 0, 3);
  held.push(of(3), 3, 3);
  EXPECT_EQ(tokens(held.release(2)), Tokens({2}));
  EXPECT_EQ(tokens(held.release(3)), Tokens({3}));
}

}  // namespace
}  // namespace marlin
