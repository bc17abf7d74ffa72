// SPDX-License-Identifier: Apache-2.0
// Equality with HuggingFace tokenizers, frozen: the demo model's tokenizer on awkward strings (tokenizer.json), and
// many kinds of tokenizer.json built from two small vocabularies (tokenizer-variants.json).
#include <gtest/gtest.h>

#include "tests/text/tokenizer_fixture.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"

namespace marlin {
namespace {

namespace json = boost::json;

std::vector<TokenId> ids_of(const json::value& value) { return json::value_to<std::vector<TokenId>>(value); }

std::string streamed(const Tokenizer& tokenizer, const std::vector<TokenId>& ids, bool skip_special) {
  StreamDecoder decoder(tokenizer, skip_special);
  std::string text;
  for (const TokenId id : ids) decoder.push(id, text);
  decoder.flush(text);
  return text;
}

TEST(TokenizerGolden, DemoModel) {
  const Tokenizer tokenizer = test::demo_tokenizer();
  const json::value golden = test::read_repository_json("tests/golden/tokenizer.json");
  ASSERT_GE(golden.as_array().size(), 32U);
  for (const json::value& entry : golden.as_array()) {
    const std::string text(entry.at("text").as_string());
    const std::vector<TokenId> ids = ids_of(entry.at("ids"));
    EXPECT_EQ(tokenizer.encode(text, Tokenizer::SpecialTokens::kParse), ids) << text;
    EXPECT_EQ(tokenizer.decode(ids, false), entry.at("decoded").as_string()) << text;
    EXPECT_EQ(streamed(tokenizer, ids, false), entry.at("decoded").as_string()) << text;
  }
}

void check_variant(const json::object& variant, const json::object& bases) {
  const std::string name(variant.at("name").as_string());
  json::object definition = bases.at(variant.at("base").as_string()).as_object();
  for (const auto& field : variant.at("fields").as_object()) definition[field.key()] = field.value();
  if (const json::value* fields = variant.if_contains("model_fields")) {
    for (const auto& field : fields->as_object()) definition["model"].as_object()[field.key()] = field.value();
  }
  const Tokenizer tokenizer = Tokenizer::from_json(definition, name);
  const json::value& with_special = variant.contains("with_special") ? variant.at("with_special") : variant.at("ids");
  for (std::size_t i = 0; i < variant.at("texts").as_array().size(); ++i) {
    const std::string text(variant.at("texts").as_array()[i].as_string());
    const std::vector<TokenId> ids = tokenizer.encode(text, Tokenizer::SpecialTokens::kParse);
    EXPECT_EQ(ids, ids_of(variant.at("ids").as_array()[i])) << name << ": " << text;
    EXPECT_EQ(tokenizer.with_special_tokens(ids), ids_of(with_special.as_array()[i])) << name << ": " << text;
  }
  const json::value& skipped = variant.contains("decoded_skip") ? variant.at("decoded_skip") : variant.at("decoded");
  for (std::size_t i = 0; i < variant.at("id_lists").as_array().size(); ++i) {
    const std::vector<TokenId> ids = ids_of(variant.at("id_lists").as_array()[i]);
    EXPECT_EQ(tokenizer.decode(ids, false), variant.at("decoded").as_array()[i].as_string()) << name << " #" << i;
    EXPECT_EQ(tokenizer.decode(ids, true), skipped.as_array()[i].as_string()) << name << " #" << i;
    EXPECT_EQ(streamed(tokenizer, ids, true), skipped.as_array()[i].as_string()) << name << " #" << i;
  }
}

TEST(TokenizerGolden, Variants) {
  const json::value golden = test::read_repository_json("tests/golden/tokenizer-variants.json");
  ASSERT_GE(golden.at("cases").as_array().size(), 60U);
  for (const json::value& variant : golden.at("cases").as_array()) {
    check_variant(variant.as_object(), golden.at("bases").as_object());
  }
}

}  // namespace
}  // namespace marlin
