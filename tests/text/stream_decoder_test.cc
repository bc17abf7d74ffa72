// SPDX-License-Identifier: Apache-2.0
#include "text/stream_decoder.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/text/tokenizer_fixture.h"
#include "text/utf8.h"

namespace marlin {
namespace {

namespace json = boost::json;
using Ids = std::vector<TokenId>;

json::object replace(std::string_view from, std::string_view to) {
  return {{"type", "Replace"}, {"pattern", json::object{{"String", from}}}, {"content", to}};
}
json::object strip(int start, int stop) {
  return {{"type", "Strip"}, {"content", " "}, {"start", start}, {"stop", stop}};
}

std::string push(StreamDecoder& decoder, TokenId id) {
  std::string out = "before";  // what is there already stays
  decoder.push(id, out);
  EXPECT_TRUE(out.starts_with("before"));
  return out.substr(6);
}

std::string flush(StreamDecoder& decoder) {
  std::string out;
  decoder.flush(out);
  return out;
}

TEST(StreamDecoder, GivesCharactersWhenTheyAreWhole) {
  const Tokenizer tokenizer = test::demo_tokenizer();
  StreamDecoder decoder(tokenizer, false);
  EXPECT_EQ(push(decoder, 172), "");  // F0 9F 98 80
  EXPECT_EQ(push(decoder, 253), "");
  EXPECT_EQ(push(decoder, 246), "");
  EXPECT_EQ(push(decoder, 222), "\xF0\x9F\x98\x80");
  EXPECT_EQ(push(decoder, 172), "");
  EXPECT_EQ(push(decoder, 71), "\xEF\xBF\xBDh");
  EXPECT_EQ(push(decoder, 127), "");
  EXPECT_EQ(flush(decoder), "\xEF\xBF\xBD");
}

TEST(StreamDecoder, SkipsSpecialTokens) {
  const Tokenizer tokenizer = test::demo_tokenizer();
  StreamDecoder decoder(tokenizer, true);
  EXPECT_EQ(push(decoder, 4070), "");
  EXPECT_EQ(push(decoder, 4073), "<think>");
  EXPECT_EQ(push(decoder, 1 << 22), "");
}

TEST(StreamDecoder, DoesNotHoldBackMoreThanItMust) {
  json::object definition = test::byte_tokenizer_json(false);
  definition["model"].as_object()["vocab"].as_object()["<0xC3>"] = 256;
  definition["model"].as_object()["vocab"].as_object()["<0xA9>"] = 257;
  definition["decoder"] = {
      {"type", "Sequence"},
      {"decoders", {replace("_", " "), test::typed("ByteFallback"), test::typed("Fuse"), strip(1, 0)}}};
  const Tokenizer tokenizer = Tokenizer::from_json(definition, "test");
  StreamDecoder decoder(tokenizer, false);
  EXPECT_EQ(push(decoder, '_'), "");
  EXPECT_EQ(push(decoder, '_'), " ");
  EXPECT_EQ(push(decoder, 256), "");
  EXPECT_EQ(push(decoder, 257), "");
  EXPECT_EQ(push(decoder, 'a'),
            "\xC3\xA9"
            "a");
  EXPECT_EQ(push(decoder, 256), "");
  EXPECT_EQ(flush(decoder), "\xEF\xBF\xBD");
}

TEST(StreamDecoder, AllPiecesTogetherEqualTheWholeDecode) {
  const json::object byte_level = test::typed("ByteLevel");
  const json::object metaspace = {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "always"}};
  const json::value decoders[] = {
      byte_level,
      nullptr,
      metaspace,
      test::typed("Fuse"),
      test::typed("ByteFallback"),
      {{"type", "Sequence"},
       {"decoders", {replace("_", " "), test::typed("ByteFallback"), test::typed("Fuse"), strip(1, 0)}}},
      {{"type", "Sequence"}, {"decoders", {byte_level, replace("ab", "ba"), strip(2, 2)}}},
      {{"type", "Sequence"}, {"decoders", {strip(1, 1), byte_level, metaspace}}},
      {{"type", "Sequence"}, {"decoders", {test::typed("Fuse"), test::typed("ByteFallback"), byte_level}}},
  };
  std::mt19937 random(9);
  for (const json::value& decoder : decoders) {
    json::object definition = test::byte_tokenizer_json(false);
    json::object& vocabulary = definition["model"].as_object()["vocab"].as_object();
    for (int i = 0; i < 4; ++i) {
      vocabulary[std::vector<std::string>{"<0xC3>", "<0xA9>", "<0x20>", "_ab "}[static_cast<std::size_t>(i)]] = 256 + i;
    }
    definition["added_tokens"] = json::array{test::added_token(260, "<s>"), test::added_token(262, "\xE6\x97\xA5")};
    definition["decoder"] = decoder;
    const Tokenizer tokenizer = Tokenizer::from_json(definition, "test");
    for (int round = 0; round < 1000; ++round) {
      Ids ids;
      for (std::size_t n = random() % 20; n > 0; --n) {
        const TokenId choices[] = {
            static_cast<TokenId>(random() % 264), static_cast<TokenId>(256 + random() % 8), '_', ' ', 'a', 'b'};
        ids.push_back(choices[random() % 6]);
      }
      const bool skip = random() % 2 == 0;
      StreamDecoder stream(tokenizer, skip);
      std::string text;
      for (const TokenId id : ids) {
        const std::string part = push(stream, id);
        ASSERT_TRUE(is_valid_utf8(part));
        text += part;
      }
      text += flush(stream);
      ASSERT_EQ(text, tokenizer.decode(ids, skip)) << json::serialize(decoder);
      ASSERT_TRUE(is_valid_utf8(text));
    }
  }
}

}  // namespace
}  // namespace marlin
