// SPDX-License-Identifier: Apache-2.0
#include "text/utf8.h"

#include <gtest/gtest.h>

#include <random>

namespace marlin {
namespace {

TEST(Utf8, EveryScalarValueSurvives) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(text, c);
    ASSERT_TRUE(is_valid_utf8(text)) << static_cast<unsigned>(c);
    const CodePoint decoded = decode_utf8(text, 0);
    ASSERT_EQ(decoded.value, c);
    ASSERT_EQ(decoded.length, text.size());
    ASSERT_EQ(previous_utf8(text, text.size()), 0U);
  }
}

// The table of "replacement of maximal subparts" in chapter 3 of the Unicode standard, and Python's answers.
TEST(Utf8, RepairsIllFormedPartsOneReplacementEach) {
  const std::string bad = "\xEF\xBF\xBD";
  const struct {
    std::string bytes;
    std::string repaired;
  } cases[] = {
      {"a\xF1\x80\x80\xE1\x80\xC2"
       "b\x80"
       "c\x80\xBF"
       "d",
       "a" + bad + bad + bad + "b" + bad + "c" + bad + bad + "d"},
      {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", bad + bad + bad + bad + bad + bad + bad + bad + "A"},
      {"\xED\xA0\x80", bad + bad + bad},
      {"\xF4\x91\x92\x93\xFF", bad + bad + bad + bad + bad},
      {"\xE6\x97", bad},
      {"\xE6\x97\xA5", "\xE6\x97\xA5"},
      {std::string("\0x", 2), std::string("\0x", 2)},
  };
  for (const auto& c : cases) EXPECT_EQ(repair_utf8(c.bytes), c.repaired);
}

TEST(Utf8, RepairingInPartsEqualsRepairingAtOnce) {
  std::mt19937 random(1);
  const std::string alphabet = "a\xE6\x97\xA5\xC3\xA9\xF0\x9F\x98\x80\xFF\xED";
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (std::size_t n = random() % 20; n > 0; --n) bytes.push_back(alphabet[random() % alphabet.size()]);
    std::string parts;
    Utf8Repairer repairer;
    for (std::size_t i = 0; i < bytes.size();) {
      const std::size_t length = 1 + random() % 3;
      repairer.push(std::string_view(bytes).substr(i, length), parts);
      ASSERT_TRUE(is_valid_utf8(parts));
      i += length;
    }
    repairer.finish(parts);
    ASSERT_EQ(parts, repair_utf8(bytes));
  }
}

TEST(Utf8, CharacterClasses) {
  for (const char32_t c : {U' ', U'\n', U'\x85', U'\xA0', U'\u2003', U'\u3000'}) EXPECT_TRUE(is_white_space(c));
  for (const char32_t c : {U'a', U'\u180E', U'\u200B', U'\uFEFF'}) EXPECT_FALSE(is_white_space(c));
  for (const char32_t c : {U'a', U'_', U'\u0301', U'\u0663', U'\u2167', U'\u24D0', U'\u200D'}) {
    EXPECT_TRUE(is_word_character(c)) << static_cast<unsigned>(c);
  }
  for (const char32_t c : {U'-', U'\xB2', U'\u2460', U'\U0001F600'}) EXPECT_FALSE(is_word_character(c));
  EXPECT_TRUE(is_number(U'\xBD'));
  EXPECT_FALSE(is_number(U'a'));
  for (const char32_t c : {U'$', U'~', U'!', U'\u3001'}) EXPECT_TRUE(is_punctuation(c));
  for (const char32_t c : {U'\xA3', U'5', U' ', U'\x7F'}) EXPECT_FALSE(is_punctuation(c));
}

}  // namespace
}  // namespace marlin
