// SPDX-License-Identifier: Apache-2.0
// One text, token by token, to its end.
#include "grammar/constrained_text.h"

#include <gtest/gtest.h>

#include "tests/grammar/accepts.h"
#include "tests/grammar/vocabulary.h"

namespace marlin::test {
namespace {

std::uint32_t id_of(std::string_view bytes) {
  const std::vector<std::string> tokens = vocabulary();
  return static_cast<std::uint32_t>(std::find(tokens.begin(), tokens.end(), bytes) - tokens.begin());
}

TEST(ConstrainedText, IsCompleteWhenNothingCanFollow) {
  const TokenMasker masker = make_masker();
  ConstrainedText text(masker, grammar_of(R"({"properties":{"a":{"type":"integer"}}})"));
  ASSERT_TRUE(text.accept(id_of("{\"")));
  EXPECT_FALSE(text.accept(id_of("name")));
  ASSERT_TRUE(text.accept('a'));
  ASSERT_TRUE(text.accept(id_of("\":")));
  ASSERT_TRUE(text.accept(id_of("12")));
  EXPECT_FALSE(text.is_complete());
  ASSERT_TRUE(text.accept(id_of("1}")));
  EXPECT_TRUE(text.is_complete());
  EXPECT_FALSE(text.accept('}'));
  EXPECT_TRUE(text.accept(kEndToken));
}

TEST(ConstrainedText, EndTokensEndWhatCouldGoOn) {
  const TokenMasker masker = make_masker();
  ConstrainedText text(masker, grammar_of(R"({"type":"integer"})"));
  EXPECT_FALSE(text.accept(kEndToken));
  ASSERT_TRUE(text.accept(id_of("12")));
  EXPECT_FALSE(text.is_complete());
  EXPECT_TRUE(text.accept(kOtherEndToken));
  EXPECT_TRUE(text.is_complete());
  EXPECT_FALSE(text.accept('3'));
}

TEST(ConstrainedText, TokensWithoutBytesAreNeverTaken) {
  const TokenMasker masker = make_masker();
  ConstrainedText text(masker, any_json_object());
  EXPECT_FALSE(text.accept(kSpecialToken));
}

}  // namespace
}  // namespace marlin::test
