// SPDX-License-Identifier: Apache-2.0
#include "text/bpe.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/error.h"
#include "io/json.h"

namespace marlin {
namespace {

BpeModel model_of(const boost::json::value& json) { return BpeModel::from_json(JsonPlace(json, "test: /model")); }
BpeModel model(std::string_view json) { return model_of(parse_json(json, "test")); }

std::vector<TokenId> encode(const BpeModel& model, std::string_view word,
                            const std::vector<bool>* forbidden = nullptr) {
  std::vector<TokenId> ids;
  BpeModel::Scratch scratch;
  model.encode_word(word, forbidden, scratch, ids);
  return ids;
}

using Ids = std::vector<TokenId>;

/// Merges the lowest-ranked adjacent pair, leftmost first, until none is left.
Ids encode_slowly(const std::map<std::pair<TokenId, TokenId>, std::pair<int, TokenId>>& merges, Ids ids) {
  for (;;) {
    std::size_t best = ids.size();
    int best_rank = -1;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto found = merges.find({ids[i], ids[i + 1]});
      if (found == merges.end() || (best_rank >= 0 && found->second.first >= best_rank)) continue;
      best = i;
      best_rank = found->second.first;
    }
    if (best_rank < 0) return ids;
    ids[best] = merges.at({ids[best], ids[best + 1]}).second;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(Bpe, EqualsTheDefinitionOnRandomVocabularies) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> tokens = {"a", "b", "c"};
    std::map<std::string, TokenId> ids = {{"a", 0}, {"b", 1}, {"c", 2}};
    std::map<std::pair<TokenId, TokenId>, std::pair<int, TokenId>> merges;
    boost::json::array merge_list;
    for (int rank = 0; merge_list.size() < 30 && rank < 300; ++rank) {
      const std::string left = tokens[random() % tokens.size()];
      const std::string right = tokens[random() % tokens.size()];
      if (left.size() + right.size() > 9 || merges.count({ids[left], ids[right]}) != 0) continue;
      if (ids.emplace(left + right, static_cast<TokenId>(tokens.size())).second) tokens.push_back(left + right);
      merges[{ids[left], ids[right]}] = {static_cast<int>(merge_list.size()), ids[left + right]};
      if (random() % 2 == 0) {
        merge_list.push_back(boost::json::string(left + " " + right));
      } else {
        merge_list.push_back(boost::json::array{left, right});
      }
    }
    boost::json::object vocabulary;
    for (const auto& [token, id] : ids) vocabulary[token] = id;
    const BpeModel bpe = model_of(boost::json::object{{"type", "BPE"}, {"vocab", vocabulary}, {"merges", merge_list}});
    for (int word_round = 0; word_round < 50; ++word_round) {
      std::string word;
      Ids characters;
      for (std::size_t n = 1 + random() % 40; n > 0; --n) {
        characters.push_back(static_cast<TokenId>(random() % 3));
        word += tokens[static_cast<std::size_t>(characters.back())];
      }
      ASSERT_EQ(encode(bpe, word), encode_slowly(merges, characters)) << word;
    }
  }
}

TEST(Bpe, IgnoreMergesTakesAWholeWord) {
  const std::string parts = R"("vocab":{"a":0,"b":1,"ab":2,"aab":3},"merges":["a b"])";
  EXPECT_EQ(encode(model("{" + parts + "}"), "aab"), (Ids{0, 2}));
  EXPECT_EQ(encode(model("{" + parts + R"(,"ignore_merges":true})"), "aab"), (Ids{3}));
}

TEST(Bpe, ForbiddenTokensComeOutAsCharacters) {
  const BpeModel bpe = model(R"({"vocab":{"a":0,"b":1,"ab":2,"aab":3},"merges":["a b","a ab"],"ignore_merges":true})");
  std::vector<bool> forbidden = {true, false, false, true};
  EXPECT_EQ(encode(bpe, "aab", &forbidden), (Ids{0, 0, 1}));
  forbidden = {false, false, true, false};
  EXPECT_EQ(encode(bpe, "aab", &forbidden), (Ids{3}));
  EXPECT_EQ(encode(bpe, "ab", &forbidden), (Ids{0, 1}));
}

TEST(Bpe, UnknownCharacters) {
  const std::string vocab = R"("vocab":{"a":0,"?":1,"<0xC3>":2,"<0xA9>":3},"merges":[])";
  EXPECT_EQ(encode(model("{" + vocab + "}"), "xax"), (Ids{0}));
  EXPECT_EQ(encode(model("{" + vocab + R"(,"unk_token":"?"})"), "xxax"), (Ids{1, 1, 0, 1}));
  EXPECT_EQ(encode(model("{" + vocab + R"(,"unk_token":"?","fuse_unk":true})"), "xxax"), (Ids{1, 0, 1}));
  EXPECT_EQ(encode(model("{" + vocab + R"(,"unk_token":"?","byte_fallback":true})"), "a\xC3\xA9y"), (Ids{0, 2, 3, 1}));
  const BpeModel missing = model("{" + vocab + R"(,"unk_token":"!"})");
  EXPECT_EQ(encode(missing, "a"), (Ids{0}));
  EXPECT_THROW(encode(missing, "x"), Error);
}

TEST(Bpe, LooksUpTokens) {
  const BpeModel bpe = model(R"({"vocab":{"a":0,"b":5},"merges":[]})");
  EXPECT_EQ(bpe.find("b"), 5);
  EXPECT_EQ(bpe.find("c"), std::nullopt);
  EXPECT_EQ(bpe.token(5), "b");
  for (const TokenId id : {-1, 3, 6, 1 << 30}) EXPECT_EQ(bpe.token(id), std::nullopt);
  EXPECT_EQ(bpe.id_end(), 6);
}

TEST(Bpe, NamesWhatIsWrongWithTheFile) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"type":"WordPiece","vocab":{},"merges":[]})", "/model/type: \"WordPiece\""},
      {R"({"vocab":{},"merges":[],"dropout":0.1})", "/model/dropout"},
      {R"({"vocab":{},"merges":[],"end_of_word_suffix":"</w>"})", "/model/end_of_word_suffix: \"</w>\""},
      {R"({"vocab":{},"merges":[],"speed":9})", "/model/speed"},
      {R"({"vocab":{"a":0,"b":0},"merges":[]})", "id 0 is given twice"},
      {R"({"vocab":{"a":-1},"merges":[]})", "id of 'a'"},
      {R"({"vocab":{"a":16777216},"merges":[]})", "id of 'a'"},
      {R"({"vocab":{"a":16000000},"merges":[]})", "id of 'a'"},
      {R"({"vocab":{"a":"0"},"merges":[]})", "id of 'a'"},
      {R"({"vocab":{"a":0,"b":1},"merges":["a b"]})", "/model/merges/0 names 'ab'"},
      {R"({"vocab":{"a":0},"merges":["a","a a"]})", "/model/merges/0 must be"},
      {R"({"vocab":{"a":0},"merges":["a a a"]})", "/model/merges/0 must be"},
      {R"({"vocab":{"a":0},"merges":[["a"]]})", "/model/merges/0 must be"},
      {R"({"vocab":[],"merges":[]})", "/model/vocab must be an object"},
      {R"({"vocab":{}})", "lacks the key 'merges'"},
  };
  for (const auto& [json, reason] : cases) {
    try {
      model(json);
      FAIL() << json;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace marlin
