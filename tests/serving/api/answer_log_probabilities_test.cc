// SPDX-License-Identifier: Apache-2.0
#include "serving/api/answer_log_probabilities.h"

#include <gtest/gtest.h>

#include <limits>

#include "generation/loaded_model.h"
#include "metal_marlin/engine.h"
#include "tests/support/error_of.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

class AnswerLogProbabilitiesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    engine_ = Engine::load({.model = MARLIN_SOURCE_DIR "/models/demo", .backend = "cpu", .n_threads = 1});
  }
  static void TearDownTestSuite() { engine_.reset(); }

  static const Tokenizer& tokenizer() { return engine_->loaded_model().require_tokenizer(); }
  static std::int32_t token(std::string_view text) { return tokenizer().find(text).value(); }

  static inline std::unique_ptr<Engine> engine_;
};

TEST_F(AnswerLogProbabilitiesTest, LookAsChatCompletionsHaveThem) {
  AnswerLogProbabilities shown(tokenizer());
  const LogProbabilities place{.chosen = {token("a"), -0.5}, .top = {{token("b"), -0.25}, {token("a"), -0.5}}};
  shown.add(std::span(&place, 1));
  EXPECT_EQ(json::value(chat_log_probabilities(shown.all())),
            json::parse(R"({"content":[{"token":"a","logprob":-5E-1,"bytes":[97],"top_logprobs":[
              {"token":"b","logprob":-2.5E-1,"bytes":[98]},{"token":"a","logprob":-5E-1,"bytes":[97]}]}],"refusal":null})"));
}

TEST_F(AnswerLogProbabilitiesTest, LookAsCompletionsHaveThem) {
  AnswerLogProbabilities shown(tokenizer());
  const std::vector<LogProbabilities> places = {
      {.chosen = {token("a"), -0.5}, .top = {{token("b"), -0.25}}},
      {.chosen = {token("c"), -std::numeric_limits<double>::infinity()}, .top = {}}};
  shown.add(places);
  EXPECT_EQ(json::value(completion_log_probabilities(shown.all())),
            json::parse(R"({"tokens":["a","c"],"token_logprobs":[-5E-1,-9.999E3],
              "top_logprobs":[{"b":-2.5E-1,"a":-5E-1},{"c":-9.999E3}],"text_offset":[0,1]})"));
}

TEST_F(AnswerLogProbabilitiesTest, AHalfCharacterShowsItsBytes) {
  AnswerLogProbabilities shown(tokenizer());
  std::int32_t half = 0;
  while (tokenizer().token_bytes(half) != "\xC3") ++half;
  const LogProbabilities place{.chosen = {half, -1.0}, .top = {}};
  shown.add(std::span(&place, 1));
  const json::object entry = chat_log_probabilities(shown.all())["content"].as_array()[0].as_object();
  EXPECT_EQ(entry.at("token"), "\xEF\xBF\xBD");
  EXPECT_EQ(entry.at("bytes"), json::array({0xC3}));
}

TEST_F(AnswerLogProbabilitiesTest, NextGivesEachOnce) {
  AnswerLogProbabilities shown(tokenizer());
  const LogProbabilities place{.chosen = {token("a"), -1.0}, .top = {}};
  shown.add(std::span(&place, 1));
  EXPECT_EQ(shown.next().size(), 1U);
  EXPECT_TRUE(shown.next().empty());
  shown.add(std::span(&place, 1));
  ASSERT_EQ(shown.next().size(), 1U);
  EXPECT_EQ(shown.all().back().text_offset, 1U);
}

TEST(LogProbabilityFields, SayHowManyAreWanted) {
  const auto read = [](const char* text, auto function) {
    const json::value parsed = json::parse(text);
    return function(JsonReader::of_document(parsed, "the request"));
  };
  const auto chat = [&](const char* text) { return read(text, read_chat_log_probabilities); };
  const auto completion = [&](const char* text) { return read(text, read_completion_log_probabilities); };
  EXPECT_EQ(chat("{}"), std::nullopt);
  EXPECT_EQ(chat(R"({"logprobs":false,"top_logprobs":0})"), std::nullopt);
  EXPECT_EQ(chat(R"({"logprobs":true})"), 0U);
  EXPECT_EQ(chat(R"({"logprobs":true,"top_logprobs":20})"), 20U);
  EXPECT_THROW(chat(R"({"top_logprobs":3})"), Error);
  EXPECT_THROW(chat(R"({"logprobs":true,"top_logprobs":21})"), Error);
  EXPECT_THROW(chat(R"({"logprobs":1})"), Error);
  EXPECT_EQ(completion("{}"), std::nullopt);
  EXPECT_EQ(completion(R"({"logprobs":0})"), 0U);
  EXPECT_EQ(completion(R"({"logprobs":5})"), 5U);
  EXPECT_THROW(completion(R"({"logprobs":true})"), Error);
}

}  // namespace
}  // namespace marlin::api
