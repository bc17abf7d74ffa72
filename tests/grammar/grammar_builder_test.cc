// SPDX-License-Identifier: Apache-2.0
// Expressions one by one against the texts they match, and grammars that cannot be run.
#include "grammar/grammar_builder.h"

#include <gtest/gtest.h>

#include "tests/grammar/accepts.h"
#include "tests/io/expect_error.h"

namespace marlin::test {
namespace {

/// The grammar of one expression.
template <typename Make>
Grammar grammar_from(const Make& make) {
  GrammarBuilder builder;
  const Rule root = builder.declare("the root");
  builder.define(root, make(builder, root));
  return builder.build(root);
}

TEST(GrammarBuilder, RepetitionsAreCounted) {
  const std::vector<std::pair<std::uint32_t, std::uint32_t>> bounds = {
      {0, 0}, {0, 1}, {1, 1}, {0, 5}, {2, 2}, {2, 4}, {3, kUnbounded}, {0, kUnbounded}, {1, kUnbounded}};
  for (const auto& bound : bounds) {
    const std::uint32_t min = bound.first;
    const std::uint32_t max = bound.second;
    const Grammar grammar = grammar_from([&](GrammarBuilder& b, Rule) {
      return b.sequence({b.repeat(b.choice({b.literal("x"), b.literal("yz")}), min, max), b.literal("!")});
    });
    std::string text;
    for (std::uint32_t n = 0; n < 8; ++n) {
      EXPECT_EQ(accepts(grammar, text + "!"), min <= n && n <= max) << n << " of " << min << ".." << max;
      text += n % 2 == 0 ? "x" : "yz";
    }
  }
}

TEST(GrammarBuilder, NestedRepetitionsCountEachForItself) {
  const Grammar grammar = grammar_from([](GrammarBuilder& b, Rule) {
    return b.repeat(b.sequence({b.repeat(b.literal("a"), 2, 3), b.literal("b")}), 2, 3);
  });
  EXPECT_TRUE(accepts(grammar, "aabaaab"));
  EXPECT_TRUE(accepts(grammar, "aabaabaab"));
  EXPECT_FALSE(accepts(grammar, "aab"));
  EXPECT_FALSE(accepts(grammar, "aabab"));
  EXPECT_FALSE(accepts(grammar, "aabaabaabaab"));
}

TEST(GrammarBuilder, RulesNest) {
  const Grammar grammar = grammar_from([](GrammarBuilder& b, Rule root) {
    return b.choice(
        {b.literal(""), b.sequence({b.literal("("), b.reference(root), b.literal(")"), b.reference(root)})});
  });
  EXPECT_TRUE(accepts(grammar, ""));
  EXPECT_TRUE(accepts(grammar, "(()())()"));
  EXPECT_FALSE(accepts(grammar, "(()"));
  EXPECT_FALSE(accepts(grammar, ")"));
}

TEST(GrammarBuilder, ChoicesOfTextsShareTheirBeginnings) {
  const Grammar grammar = grammar_from([](GrammarBuilder& b, Rule) {
    return b.choice_of_literals({"car", "cart", "card", "", "dog", "car", "cardinal"});
  });
  for (const char* text : {"car", "cart", "card", "", "dog", "cardinal"}) EXPECT_TRUE(accepts(grammar, text)) << text;
  for (const char* text : {"c", "ca", "cardi", "do", "dogs", "carts"}) EXPECT_FALSE(accepts(grammar, text)) << text;
}

TEST(GrammarBuilder, WhatCanNeverBeCompletedIsLeftOut) {
  GrammarBuilder b;
  const Rule root = b.declare("the root");
  const Rule endless = b.declare("endless");
  b.define(endless, b.sequence({b.literal("x"), b.reference(endless)}));
  b.define(root, b.sequence({b.optional(b.reference(endless)),
                             b.choice({b.literal("a"), b.reference(endless), b.choice({})})}));
  GrammarState state(b.build(root));
  EXPECT_FALSE(state.advance('x'));
  EXPECT_TRUE(state.advance('a'));
  EXPECT_TRUE(state.can_end());
  expect_error(ErrorCode::kUnsupported, "endless: nothing can match", [&] { static_cast<void>(b.build(endless)); });
}

TEST(GrammarBuilder, RefusesWhatCannotBeRun) {
  expect_error(ErrorCode::kUnsupported, "the root refers to itself", [] {
    grammar_from([](GrammarBuilder& b, Rule root) {
      return b.choice({b.literal("a"), b.sequence({b.optional(b.literal("b")), b.reference(root)})});
    });
  });
  expect_error(ErrorCode::kUnsupported, "may be empty", [] {
    grammar_from([](GrammarBuilder& b, Rule) { return b.repeat(b.optional(b.literal("a")), 2, 3); });
  });
  expect_error(ErrorCode::kUnsupported, "repetitions", [] {
    grammar_from([](GrammarBuilder& b, Rule) { return b.repeat(b.literal("a"), 0, GrammarBuilder::kMaxRepeat + 1); });
  });
  expect_error(ErrorCode::kUnsupported, "nested", [] {
    grammar_from([](GrammarBuilder& b, Rule) {
      Expr e = b.literal("a");
      for (int i = 0; i < 300; ++i) e = b.sequence({e});
      return e;
    });
  });
  expect_error(ErrorCode::kUnsupported, "parts", [] {
    grammar_from([](GrammarBuilder& b, Rule) {
      Expr e = b.literal("a");
      for (int i = 0; i < 30; ++i) e = b.sequence({e, e});
      return e;
    });
  });
  expect_error(ErrorCode::kUnsupported, "steps", [] {
    grammar_from([](GrammarBuilder& b, Rule) {
      const std::string text(1000, 'a');
      std::vector<Expr> rules;
      for (int i = 0; i < 600; ++i) {
        const Rule rule = b.declare("a rule");
        b.define(rule, b.literal(text));
        rules.push_back(b.reference(rule));
      }
      return b.sequence(rules);
    });
  });
}

}  // namespace
}  // namespace marlin::test
