// SPDX-License-Identifier: Apache-2.0
// Every range within a small interval against comparison of numbers, and large bounds at their edges.
#include "grammar/integer_range.h"

#include <gtest/gtest.h>

#include "tests/grammar/accepts.h"

namespace marlin::test {
namespace {

SignedMagnitude of(std::int64_t n) { return {n < 0, static_cast<std::uint64_t>(n < 0 ? -n : n)}; }

Grammar range(SignedMagnitude min, SignedMagnitude max) {
  GrammarBuilder builder;
  const Rule root = builder.declare("a range");
  builder.define(root, integers_between(builder, min, max));
  return builder.build(root);
}

TEST(IntegerRange, HoldsExactlyTheNumbersBetweenItsBounds) {
  for (int min = -123; min <= 123; min += 3) {
    for (int max = min; max <= 1130; max += max < 130 ? 7 : 100) {
      const Grammar grammar = range(of(min), of(max));
      for (int n = -140; n <= 1140; n += 1 + (n > 140) * 9) {
        ASSERT_EQ(accepts(grammar, std::to_string(n)), min <= n && n <= max) << n << " in " << min << ".." << max;
      }
    }
  }
}

TEST(IntegerRange, SpellsNumbersInOneWay) {
  const Grammar grammar = range(of(-100), of(100));
  for (const char* text : {"", "-", "-0", "00", "01", "-01", "+1", "1 "}) EXPECT_FALSE(accepts(grammar, text)) << text;
}

TEST(IntegerRange, ReachesToNineteenNines) {
  const Grammar grammar = range({true, kMaxMagnitude}, {false, kMaxMagnitude});
  EXPECT_TRUE(accepts(grammar, "9999999999999999999"));
  EXPECT_TRUE(accepts(grammar, "-9999999999999999999"));
  EXPECT_FALSE(accepts(grammar, "10000000000000000000"));
  const Grammar top = range({false, kMaxMagnitude - 1}, {false, kMaxMagnitude});
  EXPECT_TRUE(accepts(top, "9999999999999999998"));
  EXPECT_FALSE(accepts(top, "9999999999999999997"));
}

}  // namespace
}  // namespace marlin::test
