// SPDX-License-Identifier: Apache-2.0
// What a session does with each token, decoding it and looking for stop strings, allocates nothing once the first few
// tokens have gone through.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "generation/stop_matcher.h"
#include "io/json.h"
#include "tests/support/allocation_count.h"
#include "tests/support/fixtures.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"

namespace marlin {
namespace {

namespace json = boost::json;

constexpr std::size_t kFirstTokens = 4;

void expect_no_allocations(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  ASSERT_GT(ids.size(), 100 * kFirstTokens);
  StreamDecoder decoder(tokenizer, true);
  // Held back often and found never.
  StopMatcher stops(std::vector<std::string>{"\n\n\n\n\n\n\n\n\n\n\n\n", " the end of what is held back, at last",
                                             "\xF0\x9F\x98\x80\xF0\x9F\x98\x80!"});
  std::string decoded;
  std::string text;
  decoded.reserve(1 << 10);
  text.reserve(1 << 20);
  long before = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i == kFirstTokens) before = test::allocation_count();
    decoded.clear();
    decoder.push(ids[i], decoded);
    stops.push(decoded, text);
  }
  EXPECT_EQ(test::allocation_count(), before);
  EXPECT_FALSE(stops.matched());
  decoded.clear();
  decoder.flush(decoded);
  stops.push(decoded, text);
  stops.flush(text);
  EXPECT_EQ(text, tokenizer.decode(ids, true));
}

std::vector<TokenId> repeated(const std::vector<TokenId>& ids, int times) {
  std::vector<TokenId> all;
  for (int i = 0; i < times; ++i) all.insert(all.end(), ids.begin(), ids.end());
  return all;
}

/// A sentencepiece-style tokenizer: "_" for a space, ASCII, and all bytes as fallback.
Tokenizer byte_fallback_tokenizer() {
  json::object vocabulary;
  for (int byte = 0; byte < 256; ++byte) vocabulary[fmt::format("<0x{:02X}>", byte)] = byte;
  for (char c = '!'; c <= '~'; ++c) vocabulary[std::string(1, c)] = 256 + c;
  vocabulary["_held_back_and_a_token_that_is_longer_than_short_strings"] = 400;
  vocabulary["_the_end"] = 401;
  const json::value decoder = json::parse(R"({"type": "Sequence", "decoders": [
      {"type": "Replace", "pattern": {"String": "_"}, "content": " "},
      {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})");
  const json::value definition = {
      {"added_tokens", json::array()},
      {"normalizer", nullptr},
      {"pre_tokenizer", nullptr},
      {"post_processor", nullptr},
      {"decoder", decoder},
      {"model", {{"type", "BPE"}, {"byte_fallback", true}, {"vocab", vocabulary}, {"merges", json::array()}}}};
  return Tokenizer::from_json(definition, "test");
}

TEST(TokenLoop, AllocatesNothingWithByteLevelTokens) {
  const std::string path = (test::demo_model() / "tokenizer.json").string();
  const Tokenizer tokenizer = Tokenizer::from_json(read_json_file(path, std::size_t{1} << 24), path);
  std::vector<TokenId> ids = tokenizer.encode(
      "Fish \xF0\x9F\x98\x80\xF0\x9F\x98\x80 swim; caf\xC3\xA9, \xE4\xB8\x96\xE7\x95\x8C.\n\n\n\n\n\n the end of what "
      "is",
      Tokenizer::SpecialTokens::kAsText);
  ids.push_back(172);  // the first byte of an emoji, and the next token does not go on with it
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) ids.push_back(id);
  expect_no_allocations(tokenizer, repeated(ids, 3));
}

TEST(TokenLoop, AllocatesNothingWithByteFallback) {
  const Tokenizer tokenizer = byte_fallback_tokenizer();
  std::vector<TokenId> ids = {401,  0xF0,      0x9F, 0x98, 0x80, 0xF0, 0x9F, 0x98,
                              0x80, 256 + 'a', 400,  0xC3, 401,  0xC3, 0xA9};
  for (int i = 0; i < 11; ++i) ids.push_back('\n');
  expect_no_allocations(tokenizer, repeated(ids, 100));
}

}  // namespace
}  // namespace marlin
