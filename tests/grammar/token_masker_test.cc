// SPDX-License-Identifier: Apache-2.0
// Masks against the definition: a token is allowed if the grammar takes all its bytes. Whole texts are written at
// random under the mask and judged by a parser and a checker that know nothing of grammars.
#include "grammar/token_masker.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "grammar/constrained_text.h"
#include "metal_marlin/error.h"
#include "tests/grammar/accepts.h"
#include "tests/grammar/schema_checker.h"
#include "tests/grammar/schemas.h"
#include "tests/grammar/vocabulary.h"

namespace marlin::test {
namespace {

using Bits = std::vector<std::uint32_t>;

Bits mask_of(const TokenMasker& masker, const GrammarState& state) {
  Bits bits(masker.n_words(), 0xFFFFFFFFU);
  masker.mask(state, bits);
  return bits;
}

Bits mask_by_definition(const TokenMasker& masker, const GrammarState& state) {
  Bits bits(masker.n_words());
  for (std::uint32_t id = 0; id < masker.n_tokens(); ++id) {
    GrammarState copy = state;
    const bool allowed =
        masker.is_end(id) ? state.can_end() : !masker.bytes(id).empty() && copy.advance(masker.bytes(id));
    if (allowed) bits[id / 32] |= 1U << (id % 32);
  }
  return bits;
}

/// Writes at random; after `n_free` tokens it takes what closes things, if it may.
class RandomWriter {
 public:
  explicit RandomWriter(std::uint64_t seed, int n_free) : random_(seed), n_free_(n_free) {}

  std::uint32_t choose(const Bits& bits, std::size_t n_tokens) {
    if (n_free_-- <= 0) {
      const bool in_string = has_bit(bits, 'z');
      for (const char* c = in_string ? "\"" : "}]\"n"; *c != 0; ++c) {
        if (has_bit(bits, kEndToken)) return kEndToken;
        if (has_bit(bits, static_cast<unsigned char>(*c))) return static_cast<unsigned char>(*c);
      }
    }
    std::vector<std::uint32_t> allowed;
    std::vector<std::uint32_t> long_allowed;  // or nearly all would be single bytes
    for (std::uint32_t id = 0; id < n_tokens; ++id) {
      if (has_bit(bits, id)) (id < 256 ? allowed : long_allowed).push_back(id);
    }
    if (!long_allowed.empty() && (allowed.empty() || random_() % 2 == 0)) allowed = long_allowed;
    return allowed.empty() ? kSpecialToken : allowed[random_() % allowed.size()];
  }

 private:
  std::mt19937_64 random_;
  int n_free_;
};

std::string write(const TokenMasker& masker, const Grammar& grammar, std::uint64_t seed, bool compare) {
  ConstrainedText text(masker, grammar);
  RandomWriter writer(seed, static_cast<int>(seed % 40));
  std::string written;
  Bits bits(masker.n_words());
  for (int i = 0; i < 3000 && !text.is_complete(); ++i) {
    text.mask(bits);
    if (compare) {
      EXPECT_EQ(bits, mask_by_definition(masker, text.state())) << written;
    }
    const std::uint32_t token = writer.choose(bits, masker.n_tokens());
    EXPECT_TRUE(text.accept(token)) << written << " and token " << token;
    if (::testing::Test::HasFailure()) return written;
    written += masker.bytes(token);
  }
  EXPECT_TRUE(text.is_complete()) << written;
  return written;
}

TEST(TokenMasker, MasksAreWhatTheGrammarTakesTokenByToken) {
  const TokenMasker masker = make_masker();
  for (const char* schema : kSchemas) {
    SCOPED_TRACE(schema);
    const Grammar grammar = grammar_of(schema);
    for (std::uint64_t seed = 0; seed < 6; ++seed) write(masker, grammar, seed, true);
    ASSERT_FALSE(HasFailure());
  }
}

TEST(TokenMasker, WhatIsWrittenUnderAMaskIsValidForTheSchema) {
  const TokenMasker masker = make_masker();
  for (const char* schema : kSchemas) {
    SCOPED_TRACE(schema);
    const boost::json::value parsed = boost::json::parse(schema);
    const Grammar grammar = compile_json_schema(parsed);
    for (std::uint64_t seed = 100; seed < 200; ++seed) {
      const std::string written = write(masker, grammar, seed, false);
      boost::json::parse_options options;
      options.max_depth = 2000;
      boost::json::error_code error;
      const boost::json::value document = boost::json::parse(written, error, {}, options);
      ASSERT_FALSE(error) << error.message() << ": " << written;
      ASSERT_TRUE(SchemaChecker(parsed).valid(document)) << written;
    }
  }
}

TEST(TokenMasker, AFreshMaskerGivesTheMaskOfOneThatRemembers) {
  const TokenMasker used = make_masker();
  const Grammar grammar = grammar_of(kSchemas[4]);
  GrammarState state(grammar);
  for (const char c : std::string_view(R"([{"id":12,"name":"a b"},{"id": 3}])")) {
    ASSERT_TRUE(state.advance(static_cast<std::uint8_t>(c)));
    ASSERT_EQ(mask_of(used, state), mask_of(make_masker(), state));
  }
}

TEST(TokenMasker, CountsNearBothBoundsOfARepetitionAreToldApart) {
  const TokenMasker masker = make_masker();
  GrammarState state(grammar_of(R"({"type":"string","minLength":70,"maxLength":150})"));
  ASSERT_TRUE(state.advance('"'));
  for (int n = 0; n <= 150; ++n) {
    ASSERT_EQ(mask_of(masker, state), mask_by_definition(masker, state)) << n;
    ASSERT_EQ(state.advance("é"), n < 150);
  }
}

TEST(TokenMasker, TokensThatCrossTheStructureAreAllowed) {
  const std::vector<std::string> tokens = {"[{\"", "\":\"", "\"},{\"", "\"}]", "a", "b"};
  const TokenMasker masker(tokens, {});
  ConstrainedText text(
      masker,
      grammar_of(
          R"({"type":"array","items":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}})"));
  for (const std::uint32_t token : {0, 4, 1, 5, 2, 4, 1, 4, 3}) {
    Bits bits(1);
    text.mask(bits);
    ASSERT_TRUE(has_bit(bits, token)) << tokens[token];
    ASSERT_TRUE(text.accept(token));
  }
  EXPECT_TRUE(text.is_complete());
}

TEST(TokenMasker, EndTokensAreAllowedExactlyWhereTheGrammarMayEnd) {
  const TokenMasker masker = make_masker();
  GrammarState state(grammar_of(R"({"type":"integer"})"));
  EXPECT_FALSE(has_bit(mask_of(masker, state), kEndToken));
  ASSERT_TRUE(state.advance("12"));
  const Bits bits = mask_of(masker, state);
  EXPECT_TRUE(has_bit(bits, kEndToken));
  EXPECT_TRUE(has_bit(bits, kOtherEndToken));
  EXPECT_TRUE(has_bit(bits, '3'));
  EXPECT_FALSE(has_bit(bits, kSpecialToken));
}

TEST(TokenMasker, WordsBehindTheVocabularyStayAsTheyAre) {
  const TokenMasker masker({"a", "{"}, {});
  Bits bits = {0xFFFFFFFFU, 7};
  masker.mask(GrammarState(any_json_object()), bits);
  EXPECT_EQ(bits, (Bits{2, 7}));
}

TEST(TokenMasker, RefusesAnEndTokenOutsideTheVocabulary) {
  try {
    const TokenMasker masker({"a"}, {1});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  }
}

TEST(TokenMasker, ThreadsMayShareOne) {
  const TokenMasker masker = make_masker();
  const Grammar grammar = grammar_of(kSchemas[2]);
  std::vector<std::string> written(4);
  std::vector<std::thread> threads;
  for (std::string& text : written) {
    threads.emplace_back([&] {
      for (std::uint64_t seed = 0; seed < 10; ++seed) text += write(masker, grammar, seed, false);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : written) EXPECT_EQ(text, written[0]);
}

}  // namespace
}  // namespace marlin::test
