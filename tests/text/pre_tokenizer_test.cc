// SPDX-License-Identifier: Apache-2.0
// Behaviour on awkward texts is held against frozen output of HuggingFace tokenizers in tokenizer_golden_test.cc.
#include "text/pre_tokenizer.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "io/json.h"

namespace marlin {
namespace {

PreTokenizer pre_tokenizer(std::string_view json) {
  const boost::json::value value = parse_json(json, "test");
  return PreTokenizer::from_json(JsonPlace(value, "test: /pre_tokenizer"));
}

std::string words(const PreTokenizer& pre_tokenizer, const std::string& text, bool begins_input = true) {
  const WordList list = pre_tokenizer.split(text, begins_input);
  std::string out;
  for (const TextRange& range : list.words) out += "[" + std::string(list.word(range)) + "]";
  return out;
}

std::string split(std::string_view behavior, bool invert) {
  return fmt::format(R"({{"type":"Split","pattern":{{"Regex":"-"}},"behavior":"{}","invert":{}}})", behavior, invert);
}

TEST(PreTokenizer, SplitBehaviors) {
  const std::string text = "a--b-";
  EXPECT_EQ(words(pre_tokenizer(split("Isolated", false)), text), "[a][-][-][b][-]");
  EXPECT_EQ(words(pre_tokenizer(split("Removed", false)), text), "[a][b]");
  EXPECT_EQ(words(pre_tokenizer(split("MergedWithPrevious", false)), text), "[a-][-][b-]");
  EXPECT_EQ(words(pre_tokenizer(split("MergedWithNext", false)), text), "[a][-][-b][-]");
  EXPECT_EQ(words(pre_tokenizer(split("Contiguous", false)), text), "[a][--][b][-]");
  EXPECT_EQ(words(pre_tokenizer(split("Removed", true)), text), "[-][-][-]");
}

TEST(PreTokenizer, MetaspaceAtTheStartOnly) {
  const PreTokenizer first =
      pre_tokenizer(R"({"type":"Metaspace","replacement":"_","prepend_scheme":"first","split":true})");
  EXPECT_EQ(words(first, "a b"), "[_a][_b]");
  EXPECT_EQ(words(first, "a b", false), "[a][_b]");
}

TEST(PreTokenizer, EmptyTextHasNoWords) {
  EXPECT_EQ(words(PreTokenizer(), ""), "");
  EXPECT_EQ(words(PreTokenizer(), "a b"), "[a b]");
  EXPECT_EQ(words(pre_tokenizer(R"({"type":"ByteLevel"})"), ""), "");
}

TEST(PreTokenizer, StopsTextsThatGrowWithoutEnd) {
  std::string steps;
  for (int i = 0; i < 60; ++i) steps += std::string(i == 0 ? "" : ",") + R"({"type":"ByteLevel","use_regex":false})";
  const PreTokenizer growing = pre_tokenizer(R"({"type":"Sequence","pretokenizers":[)" + steps + "]}");
  EXPECT_THROW(words(growing, "\xE6\x97\xA5"), Error);
}

TEST(PreTokenizer, NamesTheFieldItRefuses) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"type":"UnicodeScripts"})", "/pre_tokenizer/type: \"UnicodeScripts\""},
      {split("Sideways", false), "/pre_tokenizer/behavior: \"Sideways\""},
      {R"({"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated","invert":false})",
       "/pre_tokenizer/pattern/Regex"},
      {R"({"type":"Metaspace","replacement":"_","prepend_scheme":"last"})", "\"last\""},
      {R"({"type":"Sequence","pretokenizers":{}})", "/pre_tokenizer/pretokenizers must be an array"},
      {R"({"type":"Digits","individual_digits":3})", "must be true or false"},
  };
  for (const auto& [json, reason] : cases) {
    try {
      pre_tokenizer(json);
      FAIL() << json;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace marlin
