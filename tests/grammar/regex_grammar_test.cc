// SPDX-License-Identifier: Apache-2.0
// Patterns against std::regex on every short text, and by hand what that cannot judge.
#include "grammar/regex_grammar.h"

#include <gtest/gtest.h>

#include <regex>

#include "tests/grammar/accepts.h"
#include "tests/io/expect_error.h"

namespace marlin::test {
namespace {

Grammar pattern_grammar(std::string_view pattern) {
  return compile_json_schema({{"type", "string"}, {"pattern", boost::json::string(pattern.data(), pattern.size())}});
}

TEST(RegexGrammar, AgreesWithAnotherEngineOnEveryShortText) {
  constexpr std::string_view kAlphabet = "ab1- ";
  std::vector<std::string> texts{""};
  for (std::size_t i = 0; texts[i].size() < 4; ++i) {
    for (const char c : kAlphabet) texts.push_back(texts[i] + c);
  }
  for (const char* pattern : {"^a$",
                              "a",
                              "^a",
                              "a$",
                              "",
                              "^$",
                              "ab|1",
                              "^(ab|1)+$",
                              "^a*b?$",
                              "^(a|ab)(b|)$",
                              "^[a-b]{2}$",
                              "^[^a]+$",
                              "^.{2,3}$",
                              "^a{2,}$",
                              "^(a?)*b$",
                              "^(?:a|b){1,2}1$",
                              "\\d",
                              "^\\w+$",
                              "^\\S\\s\\S$",
                              "^\\D*$",
                              "^[\\d-]+$",
                              "^[a\\-1]+$",
                              "^(a{2}){1,2}$",
                              "^(a*)*$",
                              "^a+?b*?$",
                              "^\\W$",
                              "^a$|^b$|11",
                              "^[-a]+$",
                              "^[a-]+$",
                              "((a)|(b))1",
                              "^a{0}b$",
                              "^(|a)$",
                              "^a{,2}$"}) {
    SCOPED_TRACE(pattern);
    const Grammar grammar = pattern_grammar(pattern);
    // std::regex takes a{,2} for an error; the web's engines take it for text, which no short text here matches.
    const bool is_text = std::string_view(pattern).find("{,") != std::string_view::npos;
    const std::regex judge(is_text ? "^a\\{,2\\}$" : pattern);
    for (const std::string& text : texts) {
      ASSERT_EQ(accepts(grammar, '"' + text + '"'), std::regex_search(text, judge)) << "'" << text << "'";
    }
  }
}

TEST(RegexGrammar, CharactersAreUnicodeAndSpelledAsJson) {
  EXPECT_TRUE(accepts(pattern_grammar("^.$"), "\"🙂\""));
  EXPECT_TRUE(accepts(pattern_grammar("^[à-ü]+$"), "\"éü\""));
  EXPECT_FALSE(accepts(pattern_grammar("^[à-ü]+$"), "\"ÿ\""));
  EXPECT_TRUE(accepts(pattern_grammar("^[^a]$"), "\"日\""));
  EXPECT_TRUE(accepts(pattern_grammar("^\\u00e9\\x41$"), "\"éA\""));
  EXPECT_TRUE(accepts(pattern_grammar(R"(^"\\\n$)"), R"("\"\\\n")"));
  EXPECT_TRUE(accepts(pattern_grammar("^\\s$"), "\"\\t\""));
  EXPECT_TRUE(accepts(pattern_grammar("^[^a]$"), "\"\\u0001\""));
  EXPECT_FALSE(accepts(pattern_grammar("^.$"), "\"\\n\""));
  EXPECT_TRUE(accepts(pattern_grammar("^\\/\\.\\{\\$$"), "\"/.{$\""));
  EXPECT_TRUE(accepts(pattern_grammar("^[\\]\\b]+$"), "\"]\\b\""));
  EXPECT_TRUE(accepts(pattern_grammar("b"), "\"a\\nb\\\"c\""));
}

TEST(RegexGrammar, RefusesWhatItDoesNotKnowByName) {
  for (const char* pattern : {"(?=a)", "(?!a)", "(?<=a)", "(?<n>a)", "\\1", "\\bx", "\\p{L}", "a^b", "a$b", "(^a|b)",
                              "(a$)", "(a?){3}", "(a*){2,5}", ")", "\\ud800", "a{9999999}", "\\é"}) {
    SCOPED_TRACE(pattern);
    expect_error(ErrorCode::kUnsupported, "#/pattern", [&] { pattern_grammar(pattern); });
  }
  for (const char* pattern :
       {"(", "[", "[a", "*", "a**", "+a", "a{3,2}", "[b-a]", "[\\d-z]", "\\", "\\x1", "\\u12", "(a"}) {
    SCOPED_TRACE(pattern);
    expect_error(ErrorCode::kInvalidArgument, "#/pattern", [&] { pattern_grammar(pattern); });
  }
  expect_error(ErrorCode::kUnsupported, "groups",
               [&] { pattern_grammar(std::string(100, '(') + std::string(100, ')')); });
  expect_error(ErrorCode::kUnsupported, "4096", [&] { pattern_grammar(std::string(5000, 'a')); });
  expect_error(ErrorCode::kInvalidArgument, "UTF-8", [&] { pattern_grammar("\xFF"); });
}

// Followed one by one, the ways to read this text would be 2^60.
TEST(RegexGrammar, AmbiguousPatternsDoNotBlowUp) {
  const std::string text = '"' + std::string(60, 'a') + '"';
  EXPECT_TRUE(accepts(pattern_grammar("^(a|a)*$"), text));
  EXPECT_TRUE(accepts(pattern_grammar("^(a*)*$"), text));
  EXPECT_FALSE(accepts(pattern_grammar("^(a*)*b$"), text));
  EXPECT_TRUE(accepts(pattern_grammar("^((((((a?)?)?)?)?)?)*$"), text));
  EXPECT_TRUE(accepts(pattern_grammar("^(a|aa){1,100}$"), text));
}

TEST(RegexGrammar, MorePossibilitiesThanAreFollowedAreSaidToBeTooMany) {
  GrammarState state(pattern_grammar("^((a|aa){1,900}b?){1,900}$"));
  ASSERT_TRUE(state.advance('"'));
  int n = 0;
  while (n < 5000 && state.advance('a')) ++n;
  EXPECT_LT(n, 5000);
  EXPECT_TRUE(state.too_ambiguous());
}

}  // namespace
}  // namespace marlin::test
