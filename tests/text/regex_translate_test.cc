// SPDX-License-Identifier: Apache-2.0
// What each pattern matches was asked of Oniguruma itself, through HuggingFace tokenizers 0.23.3.
#include "text/regex_translate.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "text/regex.h"

namespace marlin {
namespace {

/// The text with brackets round every match.
std::string marked(const std::string& pattern, const std::string& text) {
  const Regex regex = Regex::compile(pattern, "test");
  RegexScan scan(regex);
  scan.start(text);
  std::string out;
  std::size_t done = 0;
  for (TextRange range{}; scan.next(range); done = range.end) {
    out += text.substr(done, range.begin - done) + "[" + text.substr(range.begin, range.end - range.begin) + "]";
  }
  return out + text.substr(done);
}

TEST(RegexTranslate, QuantifiersThatDiffer) {
  EXPECT_EQ(marked("\\p{N}{1,3}+", "1234567"), "[1234567]");
  EXPECT_EQ(marked("a{2}?b", "aabb"), "[aab][b]");
  EXPECT_EQ(marked("xa{,2}", "xaaa"), "[xaa]a");
  EXPECT_EQ(marked("(?:ab){1,2}+c", "ababababc"), "[ababababc]");
  EXPECT_EQ(marked("[ab]{2}+", "ababa"), "[abab]a");
  EXPECT_EQ(marked("a{,", "a{,"), "[a{,]");
  EXPECT_EQ(marked("a++b", "aab"), "[aab]");
}

TEST(RegexTranslate, OptionsAndAnchors) {
  EXPECT_EQ(marked("(?m).", "a\n"), "[a][\n]");
  EXPECT_EQ(marked(".", "a\n"), "[a]\n");
  EXPECT_EQ(marked("x(?i)a|b", "xAxBB"), "[xA][xB]B");
  EXPECT_EQ(marked("(?:(?i)a)a|b", "AaAAB"), "[Aa]AAB");
  EXPECT_EQ(marked("^a|b$", "a\nab\nb"), "[a]\n[a][b]\n[b]");
  EXPECT_EQ(marked("(?i:'s|'ll)", "'S 'Ll '\xC5\xBF"), "['S] ['Ll] ['\xC5\xBF]");
  EXPECT_EQ(marked("(?-i:a)(?#no)b", "abAb"), "[ab]Ab");
}

TEST(RegexTranslate, CharacterClasses) {
  EXPECT_EQ(marked("[a-z&&[^b]]+", "abc-"), "[a]b[c]-");
  EXPECT_EQ(marked("[a[bc]]+", "abc]"), "[abc]]");
  EXPECT_EQ(marked("[^a[bc]]", "abcd"), "abc[d]");
  EXPECT_EQ(marked("[\\S]+", "a b"), "[a] [b]");
  EXPECT_EQ(marked("[^\\S\\n]", "a \n"), "a[ ]\n");
  EXPECT_EQ(marked("[]a]+", "a]b"), "[a]]b");
  EXPECT_EQ(marked("[\\w-]+", "a-b c"), "[a-b] [c]");
  EXPECT_EQ(marked("[a\\-c]+", "abc-"), "[a]b[c-]");
  EXPECT_EQ(marked("[\\p{L}&&\\p{Lu}&&[^B]]", "aAB"), "a[A]B");
  EXPECT_EQ(marked("[[:punct:]]+", "a$!\xC2\xA3"), "a[$!\xC2\xA3]");
  EXPECT_EQ(marked("[[:^alpha:]]", "a1"), "a[1]");
}

TEST(RegexTranslate, SetsThatDiffer) {
  EXPECT_EQ(marked("\\s", "\xE1\xA0\x8E\xC2\x85"), "\xE1\xA0\x8E[\xC2\x85]");  // U+180E, U+0085
  EXPECT_EQ(marked("\\w+", "e\xCC\x81\xE2\x91\xA0\xC2\xB2"), "[e\xCC\x81]\xE2\x91\xA0[\xC2\xB2]");
  EXPECT_EQ(marked("[\\w]+", "a\xC2\xB2"), "[a]\xC2\xB2");
  EXPECT_EQ(marked("\\h+", "aF \t"), "[aF] \t");
  EXPECT_EQ(marked("\\u0061\\x{62}\\x63", "abc"), "[abc]");
  EXPECT_EQ(marked("\\p{Han}", "\xE6\xBC\xA2\xE3\x80\x81"), "[\xE6\xBC\xA2]\xE3\x80\x81");  // not script extensions
  EXPECT_EQ(marked("\\p{^L}\\P{Letter}", "a12"), "a[12]");
  EXPECT_EQ(marked("e\\b", "ee\xCC\x81 e\xE2\x91\xA0"), "ee\xCC\x81 [e]\xE2\x91\xA0");
  EXPECT_EQ(marked("\\p{Uppercase_Letter}\\p{lowercase letter}", "Ab"), "[Ab]");
}

TEST(RegexTranslate, NamesWhatItDoesNotSupport) {
  const std::pair<std::string, std::string> cases[] = {
      {"\\Ga", "'\\G'"},  {"(?~a)", "group option"}, {"[a-\\d]", "range"},   {"(*X)", "callout"}, {"a)", "unmatched"},
      {"\\pL", "braces"}, {"[a", "without end"},     {"(?P<n>a)", "option"}, {"\\xE9", "byte"},   {"\\", "escape"},
  };
  for (const auto& [pattern, reason] : cases) {
    try {
      translate_oniguruma(pattern, "here");
      FAIL() << pattern;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
    }
  }
  std::string deep(1000, '[');
  EXPECT_THROW(translate_oniguruma(deep, "here"), Error);
}

}  // namespace
}  // namespace marlin
