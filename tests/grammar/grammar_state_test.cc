// SPDX-License-Identifier: Apache-2.0
// What a state promises beyond taking bytes: refusals change nothing, copies are ways back, long texts stay small.
#include "grammar/grammar_state.h"

#include <gtest/gtest.h>

#include "tests/grammar/accepts.h"

namespace marlin::test {
namespace {

TEST(GrammarState, ARefusalChangesNothing) {
  GrammarState state(any_json_object());
  ASSERT_TRUE(state.advance("{\"a\":"));
  const GrammarThreads before = state.threads();
  EXPECT_FALSE(state.advance('}'));
  EXPECT_EQ(state.threads(), before);
  EXPECT_FALSE(state.advance("[1,2,}"));
  EXPECT_EQ(state.threads(), before);
  EXPECT_TRUE(state.advance("[1,2]}"));
  EXPECT_TRUE(state.can_end());
}

TEST(GrammarState, ACopyIsAWayBack) {
  GrammarState state(grammar_of(R"({"type":"array","items":{"type":"integer"},"maxItems":3})"));
  ASSERT_TRUE(state.advance("[1,2"));
  GrammarState saved = state;
  ASSERT_TRUE(state.advance(",3"));
  EXPECT_FALSE(state.advance(",4"));
  EXPECT_TRUE(saved.advance(",5]"));
  EXPECT_TRUE(saved.can_end());
}

TEST(GrammarState, StacksOfALongTextAreForgotten) {
  GrammarState state(grammar_of(
      R"({"type":"array","maxItems":100000,"items":{"type":"array","items":{"type":"integer"},"maxItems":9}})"));
  ASSERT_TRUE(state.advance("[[1,2]"));
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_FALSE(state.advance(",[1,["));
    ASSERT_TRUE(state.advance(",[1,2,3]"));
    ASSERT_LT(state.simulator().n_frames(), 2000U);
  }
  EXPECT_TRUE(state.advance("]"));
  EXPECT_TRUE(state.can_end());
}

TEST(GrammarState, NestingHasAnEnd) {
  GrammarState state(grammar_of("true"));
  int depth = 0;
  while (depth < 5000 && state.advance('[')) ++depth;
  EXPECT_GE(depth, 500);
  EXPECT_LT(depth, 5000);
  for (; depth > 0; --depth) ASSERT_TRUE(state.advance(']'));
  EXPECT_TRUE(state.can_end());
}

}  // namespace
}  // namespace marlin::test
