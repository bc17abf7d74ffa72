// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "base/error.h"
#include "tests/text/tokenizer_fixture.h"
#include "text/utf8.h"

namespace marlin {
namespace {

namespace json = boost::json;
using Ids = std::vector<TokenId>;
constexpr auto kParse = Tokenizer::SpecialTokens::kParse;
constexpr auto kAsText = Tokenizer::SpecialTokens::kAsText;

std::string random_text(std::mt19937& random, unsigned max_characters) {
  std::string text;
  for (std::size_t n = random() % (max_characters + 1); n > 0; --n) {
    switch (random() % 4) {
      case 0: {
        const auto c = static_cast<char32_t>(random() % 0x110000);
        append_utf8(text, c >= 0xD800 && c < 0xE000 ? U'x' : c);
        break;
      }
      case 1:
        text += " ";
        break;
      default:
        text.push_back(static_cast<char>(random() % 0x80));
    }
  }
  return text;
}

TEST(Tokenizer, DecodingUndoesEncoding) {
  const Tokenizer tokenizer = test::demo_tokenizer();
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    const std::string text = random_text(random, 60);
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text, kParse), false), text);
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text, kAsText), false), text);
  }
}

TEST(Tokenizer, TokenBytesAddUpToTheText) {
  const Tokenizer tokenizer = test::demo_tokenizer();
  const std::string text = "na\xC3\xAFve \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80 <think>";
  std::string bytes;
  for (const TokenId id : tokenizer.encode(text, kParse)) bytes += tokenizer.token_bytes(id);
  EXPECT_EQ(bytes, text);
  EXPECT_EQ(tokenizer.token_bytes(-1), "");
  EXPECT_EQ(tokenizer.token_bytes(1 << 20), "");
}

TEST(Tokenizer, IllFormedBytesAreReplaced) {
  const Tokenizer tokenizer = test::demo_tokenizer();
  std::mt19937 random(4);
  for (int round = 0; round < 500; ++round) {
    std::string bytes;
    for (std::size_t n = random() % 40; n > 0; --n) bytes.push_back(static_cast<char>(random()));
    EXPECT_EQ(tokenizer.encode(bytes, kParse), tokenizer.encode(repair_utf8(bytes), kParse));
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(bytes, kAsText), false), repair_utf8(bytes));
  }
}

TEST(Tokenizer, LooksUpTokens) {
  const Tokenizer tokenizer = test::demo_tokenizer();
  EXPECT_EQ(tokenizer.find("<think>"), 4073);
  EXPECT_EQ(tokenizer.find("!"), 0);
  EXPECT_EQ(tokenizer.find("no such token"), std::nullopt);
  EXPECT_EQ(tokenizer.token(4073), "<think>");
  EXPECT_TRUE(tokenizer.is_special(4070));
  EXPECT_FALSE(tokenizer.is_special(4073));
  EXPECT_FALSE(tokenizer.is_special(-5));
  EXPECT_EQ(tokenizer.vocab_size(), 4084);
  EXPECT_EQ(tokenizer.decode(Ids{4070, 71, 4073, -1, 99999, 72, 4071}, true), "h<think>i");
}

/// Every added token of the demo model, also broken over pieces, typed by a user.
TEST(Tokenizer, InputNeverBecomesAnAddedToken) {
  const Tokenizer tokenizer = test::demo_tokenizer();
  const json::value file = test::read_repository_json("models/demo/tokenizer.json");
  for (const json::value& added : file.at("added_tokens").as_array()) {
    const std::string content(added.at("content").as_string());
    const std::string typed = "a " + content + content + " b";
    for (const TokenId id : tokenizer.encode(typed, kAsText)) EXPECT_LT(id, 4064) << content;
    for (std::size_t cut = 1; cut < content.size(); ++cut) {
      const std::string head = content.substr(0, cut);
      const std::string tail = content.substr(cut);
      for (const auto& [head_input, tail_input] : {std::pair(true, false), {false, true}, {true, true}}) {
        const TextPiece pieces[] = {{head, head_input}, {tail, tail_input}, {typed, true}};
        for (const TokenId id : tokenizer.encode_pieces(pieces)) EXPECT_LT(id, 4064) << content << " cut " << cut;
      }
    }
    const TextPiece trusted[] = {{content, false}, {typed, true}, {content, false}};
    const Ids ids = tokenizer.encode_pieces(trusted);
    EXPECT_EQ(ids.front(), tokenizer.find(content));
    EXPECT_EQ(ids.back(), tokenizer.find(content));
    EXPECT_EQ(std::count_if(ids.begin(), ids.end(), [](TokenId id) { return id >= 4064; }), 2);
    EXPECT_EQ(tokenizer.decode(ids, false), content + typed + content);
  }
}

void expect_pieces_equal_joined(const Tokenizer& tokenizer, const std::vector<std::string>& trusted) {
  std::mt19937 random(5);
  const std::vector<std::string> typed = {
      "Hello", " wor", "ld!  ", "\n\n", "\xE6\x97", "\xA5",         "it's",
      "<",     "|>",   "123",   "",     "\xCC\xA7", "\xEF\xBD\x81", "\xE3\x81\x8B\xE3\x82\x99"};
  for (int round = 0; round < 3000; ++round) {
    std::vector<TextPiece> pieces;
    std::string joined;
    for (std::size_t n = random() % 8; n > 0; --n) {
      const bool input = random() % 2 == 0;
      pieces.push_back({input ? typed[random() % typed.size()] : trusted[random() % trusted.size()], input});
      joined += pieces.back().text;
    }
    ASSERT_EQ(tokenizer.encode_pieces(pieces), tokenizer.encode(joined, kParse)) << joined;
  }
}

TEST(Tokenizer, PiecesEqualTheJoinedText) {
  expect_pieces_equal_joined(test::demo_tokenizer(),
                             {"<|user|>", "<|assistant|><think>", "</think>", "\n", " plain ", "[gMASK]<sop>", ""});
}

TEST(Tokenizer, PiecesEqualTheJoinedTextAlsoWhenNormalized) {
  json::object definition = test::byte_tokenizer_json(true);
  definition["normalizer"] = test::typed("NFKC");
  definition["added_tokens"] =
      json::array{test::added_token(300, "<think>", {{"normalized", true}}),
                  test::added_token(301, "\xE6\x9C\xAC", {{"normalized", true}, {"lstrip", true}}),
                  test::added_token(302, "word", {{"single_word", true}, {"rstrip", true}})};
  expect_pieces_equal_joined(Tokenizer::from_json(definition, "test"),
                             {"<think>", "\xE6\x9C\xAC", "word", "\n", " plain ", " word <think>", ""});
}

TEST(Tokenizer, NormalizationCannotForgeAnAddedToken) {
  json::object definition = test::byte_tokenizer_json(false);
  definition["normalizer"] = {{"type", "Sequence"}, {"normalizers", {test::typed("NFKC"), test::typed("Lowercase")}}};
  definition["added_tokens"] = json::array{test::added_token(300, "<s>", {{"normalized", true}})};
  const Tokenizer tokenizer = Tokenizer::from_json(definition, "test");
  EXPECT_EQ(tokenizer.encode("<S>", kParse), (Ids{300}));
  const TextPiece forged[] = {{"<", false}, {"\xEF\xBC\xB3", true}, {">", false}, {"<S>", true}, {"<S>", false}};
  EXPECT_EQ(tokenizer.encode_pieces(forged), (Ids{'<', 's', '>', '<', 's', '>', 300}));
}

// A vocabulary may hold the spelling of an added token; merges and ignore_merges must not lead a user there.
TEST(Tokenizer, MergesCannotForgeAnAddedToken) {
  json::object definition = test::byte_tokenizer_json(false);
  json::object& vocabulary = definition["model"].as_object()["vocab"].as_object();
  vocabulary["<s"] = 256;
  vocabulary["<s>"] = 257;
  definition["model"].as_object()["merges"] = json::array{"< s", "<s >"};
  definition["added_tokens"] = json::array{test::added_token(257, "<s>", {{"single_word", true}})};
  for (const bool ignore_merges : {false, true}) {
    definition["model"].as_object()["ignore_merges"] = ignore_merges;
    const Tokenizer tokenizer = Tokenizer::from_json(definition, "test");
    EXPECT_EQ(tokenizer.encode("<s>", kParse), (Ids{257}));
    EXPECT_EQ(tokenizer.encode("<s>", kAsText), (Ids{'<', 's', '>'}));
    EXPECT_EQ(tokenizer.encode("<s>x", kAsText), (Ids{'<', 's', '>', 'x'}));
    const TextPiece pieces[] = {{"<s>", true}};
    EXPECT_EQ(tokenizer.encode_pieces(pieces), (Ids{'<', 's', '>'}));
  }
}

TEST(Tokenizer, TokensStripWhiteSpaceOutOfInputToo) {
  json::object definition = test::byte_tokenizer_json(false);
  definition["added_tokens"] = json::array{test::added_token(300, "<b>", {{"lstrip", true}, {"rstrip", true}})};
  const Tokenizer tokenizer = Tokenizer::from_json(definition, "test");
  const TextPiece pieces[] = {{"a ", true}, {"<b>", false}, {"\n c", true}};
  EXPECT_EQ(tokenizer.encode_pieces(pieces), (Ids{'a', 300, 'c'}));
}

TEST(Tokenizer, LongWordsAreNotQuadratic) {
  const Tokenizer tokenizer = test::demo_tokenizer();
  std::mt19937 random(6);
  std::string letters(1 << 20, ' ');
  for (char& c : letters) c = static_cast<char>('a' + random() % 26);
  const auto start = std::chrono::steady_clock::now();
  for (const std::string& text : {letters, std::string(1 << 20, ' '), std::string(1 << 20, 'e'),
                                  std::string(1 << 20, '<'), std::string(1 << 20, '\xFF'), std::string(1 << 20, '7')}) {
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, kParse), false), repair_utf8(text));
  }
  // Quadratic would be hours; linear is a second or two, a minute under sanitizers.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::minutes(4));
}

TEST(Tokenizer, NamesWhatIsWrongWithTheFile) {
  const auto error_of = [](std::string_view key, const json::value& value) -> std::string {
    json::object definition = test::byte_tokenizer_json(false);
    definition[key] = value;
    try {
      Tokenizer::from_json(definition, "bad/tokenizer.json");
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const json::object missing_ids = {
      {"type", "TemplateProcessing"},
      {"single", json::array{json::object{{"SpecialToken", json::object{{"id", "<s>"}, {"type_id", 0}}}}}},
      {"pair", json::array()},
      {"special_tokens", json::object()}};
  const struct {
    std::string key;
    json::value value;
    std::string reason;
  } cases[] = {
      {"model", nullptr, "/model must be an object"},
      {"added_tokens", json::array{test::added_token(65, "<s>")}, "belongs to 'A'"},
      {"added_tokens", json::array{test::added_token(300, "x1"), test::added_token(300, "x2")}, "listed twice"},
      {"added_tokens", json::array{test::added_token(-1, "<s>")}, "/added_tokens/0/id"},
      {"added_tokens", json::array{test::added_token(300, std::string(2000, 'x'))}, "2000 bytes"},
      {"added_tokens", json::array{json::object{{"id", 300}}}, "lacks the key 'content'"},
      {"post_processor", test::typed("BertProcessing"), "/post_processor/type: \"BertProcessing\""},
      {"post_processor", missing_ids, "lacks the key '<s>'"},
      {"decoder", test::typed("WordPiece"), "/decoder/type: \"WordPiece\""},
      {"decoder", json::object{{"type", "Strip"}, {"content", "ab"}, {"start", 1}, {"stop", 0}},
       "must be one character"},
  };
  for (const auto& c : cases) {
    const std::string message = error_of(c.key, c.value);
    EXPECT_NE(message.find("bad/tokenizer.json: /"), std::string::npos) << message;
    EXPECT_NE(message.find(c.reason), std::string::npos) << message;
  }
  EXPECT_THROW(Tokenizer::from_json(json::array(), "x"), Error);
}

}  // namespace
}  // namespace marlin
