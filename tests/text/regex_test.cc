// SPDX-License-Identifier: Apache-2.0
#include "text/regex.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

namespace marlin {
namespace {

std::vector<std::string> matches(const Regex& regex, const std::string& text) {
  std::vector<std::string> found;
  RegexScan scan(regex);
  scan.start(text);
  for (TextRange range{}; scan.next(range);) found.push_back(text.substr(range.begin, range.end - range.begin));
  return found;
}

using Strings = std::vector<std::string>;

TEST(Regex, FindsMatchesLeftToRight) {
  EXPECT_EQ(matches(Regex::compile("[0-9]+", "t"), "a12b3"), (Strings{"12", "3"}));
  EXPECT_EQ(matches(Regex::literal("a.", "t"), "a.ab"), (Strings{"a."}));
}

TEST(Regex, PassesOverAnEmptyMatchBehindAMatch) {
  EXPECT_EQ(matches(Regex::compile("x*", "t"), "axxb"), (Strings{"", "xx", ""}));
  EXPECT_EQ(matches(Regex::compile("x*", "t"), "\xC3\xA9"), (Strings{"", ""}));
}

TEST(Regex, LooksBehindAcrossThePreviousMatch) {
  EXPECT_EQ(matches(Regex::compile("(?<=a)b|a", "t"), "ab"), (Strings{"a", "b"}));
}

TEST(Regex, RejectsWhatDoesNotCompileAndNamesThePlace) {
  for (const std::string pattern : {"(", "a)", "[a", "*a**", "(?<=a+)b", "\\p{Nonsense}", "(*FAIL)", "\\K", "(?~a)",
                                    "(?x)a", "\\xFF", "a{99999}", "\xFF"}) {
    try {
      Regex::compile(pattern, "some/tokenizer.json: /pre_tokenizer");
      FAIL() << pattern;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("some/tokenizer.json: /pre_tokenizer"), std::string::npos) << pattern;
    }
  }
  EXPECT_THROW(Regex::compile(std::string(20000, 'a'), "t"), Error);
  EXPECT_THROW(Regex::literal("", "t"), Error);
}

// Each of these takes exponential, quartic or quadratic time on its text if nothing stops it.
TEST(Regex, EndsHostileSearchesWithAnError) {
  const std::string spaces(20000, ' ');
  for (const std::string pattern :
       {"(?:\\s+)+[xy]", "\\s*\\s*\\s*\\s*[xy]", "(?:\\s|\\s\\s)*[xy]", "(?:a|\\s|\\s*)*[xy]"}) {
    EXPECT_THROW(matches(Regex::compile(pattern, "t"), spaces), Error) << pattern;
  }
  const std::string digits(300000, '7');
  EXPECT_THROW(matches(Regex::compile("\\d(?=(?:\\d\\d\\d)*\\b[xy]?)", "t"), digits), Error);
}

TEST(Regex, LongTextsStayWithinTheBudget) {
  const std::string spaces(4 << 20, ' ');
  const Regex llama = Regex::compile(
      "(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
      "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      "t");
  EXPECT_EQ(matches(llama, spaces).size(), 1U);
  EXPECT_EQ(matches(llama, std::string(1 << 20, 'a')).size(), 1U);
  EXPECT_EQ(matches(Regex::compile("(?:a|b)+", "t"), std::string(1 << 17, 'a')).size(), 1U);
}

TEST(Regex, OneRegexServesManyThreads) {
  const Regex regex = Regex::compile("\\p{L}+", "t");
  std::vector<std::thread> threads;
  std::vector<std::size_t> counts(4);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 200; ++round) counts[i] += matches(regex, "one two three").size();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::size_t count : counts) EXPECT_EQ(count, 600U);
}

}  // namespace
}  // namespace marlin
