// SPDX-License-Identifier: Apache-2.0
// Sets of characters, and their spellings for every character there is.
#include "grammar/code_points.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "tests/grammar/accepts.h"
#include "tests/io/expect_error.h"

namespace marlin::test {
namespace {

Grammar character_grammar(const CodePointSet& set) {
  GrammarBuilder builder;
  const Rule root = builder.declare("a character");
  builder.define(root, utf8_character(builder, set));
  return builder.build(root);
}

void check_every_character(const CodePointSet& set) {
  const Grammar grammar = character_grammar(set);
  for (char32_t c = 0; c <= 0x10FFFF; c += c < 0x3000 || (c & 0xFFU) >= 0xFD || (c & 0xFFU) <= 2 ? 1 : 59) {
    const bool is_surrogate = c >= 0xD800 && c <= 0xDFFF;
    ASSERT_EQ(accepts(grammar, utf8_of(c)), !is_surrogate && set.contains(c)) << std::hex << static_cast<unsigned>(c);
  }
}

TEST(CodePoints, EverySetSpellsItsCharactersAndNoOthers) {
  check_every_character(CodePointSet::all());
  check_every_character({{0x7E, 0x81}, {0x7FE, 0x801}, {0xFFFE, 0x10001}, {0x10FFFF, 0x10FFFF}});
  check_every_character(CodePointSet{{'a', 'z'}, {0xE0, 0x3042}, {0x4E00, 0x9FFF}}.complement());
  check_every_character({{0xD000, 0xE123}, {0x1F300, 0x20000}});
}

TEST(CodePoints, SetsFollowTheAlgebraOfMembership) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::array<std::vector<bool>, 2> members{std::vector<bool>(60), std::vector<bool>(60)};
    std::array<CodePointSet, 2> sets;
    for (int i = 0; i < 10; ++i) {
      const auto first = static_cast<char32_t>(random() % 50);
      const auto last = static_cast<char32_t>(first + random() % 6);
      sets[i % 2].add({first, last});
      for (char32_t c = first; c <= last; ++c) members[i % 2][c] = true;
    }
    const CodePointSet difference = sets[0].without(sets[1]);
    for (char32_t c = 0; c < 60; ++c) {
      ASSERT_EQ(sets[0].contains(c), members[0][c]);
      ASSERT_EQ(sets[0].complement().contains(c), !members[0][c]);
      ASSERT_EQ(difference.contains(c), members[0][c] && !members[1][c]);
    }
    for (std::size_t i = 1; i < sets[0].ranges().size(); ++i) {
      ASSERT_GT(sets[0].ranges()[i].first, sets[0].ranges()[i - 1].last + 1);
    }
  }
}

TEST(CodePoints, InvalidUtf8IsRefused) {
  EXPECT_EQ(code_points_of("aé日🙂", "x"), (std::vector<char32_t>{'a', 0xE9, 0x65E5, 0x1F642}));
  for (const char* text : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8",
                           "\xE6\x97", "\xC3(", "\xF0\x82\x82\xAC"}) {
    expect_error(ErrorCode::kInvalidArgument, "the text", [&] { code_points_of(text, "the text"); });
  }
}

}  // namespace
}  // namespace marlin::test
