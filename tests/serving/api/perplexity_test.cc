// SPDX-License-Identifier: Apache-2.0
// What the API says of texts it is given: /v1/perplexity, and completions that echo their prompt.
#include <gtest/gtest.h>

#include <cmath>

#include "metal_marlin/engine.h"
#include "tests/serving/api/api_fixture.h"
#include "tests/support/fixtures.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kPerplexity = "/v1/perplexity";
constexpr std::string_view kCompletions = "/v1/completions";
constexpr std::string_view kText = "One day, a fox went to the river.";

class TextScores : public ApiTest {
 protected:
  json::array tokens_of(std::string_view text) {
    return at(ask("/tokenize", json::object{{"prompt", text}}), "/tokens").as_array();
  }

  json::object echoed(std::int64_t max_tokens) {
    return {{"prompt", kText}, {"echo", true}, {"logprobs", 1}, {"max_tokens", max_tokens}, {"temperature", 0}};
  }

  std::string refused(const json::value& body) {
    const http::RawResponse response = post(kPerplexity, body);
    EXPECT_EQ(response.status, 400) << response.body;
    return text_at(json::parse(response.body), "/error/message");
  }
};

/// Log probabilities add up to `sum`; the first is null.
void expect_sum(const json::value& token_log_probabilities, double sum) {
  const json::array& all = token_log_probabilities.as_array();
  ASSERT_FALSE(all.empty());
  EXPECT_TRUE(all[0].is_null());
  double actual = 0.0;
  for (std::size_t i = 1; i < all.size(); ++i) actual += all[i].to_number<double>();
  EXPECT_NEAR(actual, sum, 1e-6 * static_cast<double>(all.size()));
}

TEST_F(TextScores, PerplexityIsThatOfASession) {
  start();
  const auto engine = Engine::load({.model = test::demo_model().string(), .backend = "cpu", .n_threads = 1});
  const std::vector<double> scores =
      engine->new_session(8)->score(engine->encode(kText, /*parse_special=*/true, /*add_bos=*/true));
  double sum = 0.0;
  for (const double score : scores) sum += score;
  const json::value answer = ask(kPerplexity, json::object{{"text", kText}, {"model", "demo"}});
  EXPECT_EQ(text_at(answer, "/object"), "perplexity");
  EXPECT_EQ(text_at(answer, "/model"), "demo");
  EXPECT_EQ(at(answer, "/n_tokens").to_number<std::size_t>(), scores.size());
  EXPECT_NEAR(at(answer, "/log_probability").as_double(), sum, 1e-4);
  EXPECT_NEAR(at(answer, "/perplexity").as_double(), std::exp(-sum / static_cast<double>(scores.size())), 1e-4);
  EXPECT_FALSE(answer.as_object().contains("tokens")) << "nobody asked";
}

TEST_F(TextScores, PerplexityTakesTextOrTokensInAnySpelling) {
  start();
  const json::value expected = ask(kPerplexity, json::object{{"prompt", kText}});
  const json::array tokens = tokens_of(kText);
  EXPECT_EQ(ask(kPerplexity, json::object{{"content", kText}}), expected);
  EXPECT_EQ(ask(kPerplexity, json::object{{"prompt", tokens}}), expected);
  EXPECT_EQ(ask(kPerplexity, json::object{{"prompt", json::array{tokens}}}), expected);
  EXPECT_EQ(ask(kPerplexity, json::object{{"prompt", json::array{kText}}}), expected);
}

TEST_F(TextScores, PerplexityShowsTokensIfAsked) {
  start();
  const json::value answer = ask(kPerplexity, json::object{{"text", kText}, {"logprobs", true}});
  expect_sum(at(answer, "/token_logprobs"), at(answer, "/log_probability").as_double());
  std::string text;
  for (const json::value& token : at(answer, "/tokens").as_array()) text += token.as_string();
  EXPECT_EQ(text, kText);
}

TEST_F(TextScores, PerplexityRefusesWhatCannotBeScored) {
  start({.batch = {}, .n_blocks = 2});
  EXPECT_NE(refused(json::object{{"text", json::array{5}}}).find("at least 2"), std::string::npos);
  EXPECT_NE(refused(json::object{{"text", ""}}).find("0 tokens"), std::string::npos);
  EXPECT_NE(refused(json::object{}).find("prompt: "), std::string::npos);
  EXPECT_NE(refused(json::object{{"content", json::array{1, "a"}}}).find("content: "), std::string::npos);
  EXPECT_NE(refused(json::object{{"prompt", json::array{"a", "b"}}}).find("one prompt per request"), std::string::npos);
  EXPECT_NE(refused(json::object{{"prompt", json::array(40, 5)}}).find("scored has 31"), std::string::npos);
  EXPECT_NE(refused(json::object{{"prompt", json::array{1, 1 << 30}}}).find("vocabulary"), std::string::npos);
}

TEST_F(TextScores, AnEchoWithoutTokensIsTheScoreOfThePrompt) {
  start();
  const json::value answer = ask(kCompletions, echoed(0));
  EXPECT_EQ(text_at(answer, "/choices/0/text"), kText);
  EXPECT_EQ(text_at(answer, "/choices/0/finish_reason"), "length");
  EXPECT_EQ(at(answer, "/usage/completion_tokens"), 0);
  const json::value& lists = at(answer, "/choices/0/logprobs");
  const std::size_t n = tokens_of(kText).size();
  for (const char* const list : {"/tokens", "/token_logprobs", "/top_logprobs", "/text_offset"}) {
    EXPECT_EQ(at(lists, list).as_array().size(), n) << list;
  }
  expect_sum(at(lists, "/token_logprobs"),
             at(ask(kPerplexity, json::object{{"text", kText}}), "/log_probability").as_double());
  EXPECT_TRUE(at(lists, "/top_logprobs/0").is_null());
  EXPECT_EQ(at(lists, "/text_offset/0"), 0);
  EXPECT_EQ(at(lists, "/text_offset/1"), text_at(lists, "/tokens/0").size());
}

// As lm-evaluation-harness asks: tokens in, one token generated; entries [context:-1] are those of the continuation.
TEST_F(TextScores, AnEchoWithOneTokenHasOneEntryMore) {
  start();
  json::object request = echoed(1);
  request["prompt"] = json::array{tokens_of(kText)};
  const json::value answer = ask(kCompletions, request);
  const json::value without = ask(kCompletions, echoed(0));
  json::array entries = at(answer, "/choices/0/logprobs/token_logprobs").as_array();
  const json::array tops = at(answer, "/choices/0/logprobs/top_logprobs").as_array();
  ASSERT_EQ(tops.size(), entries.size());
  const json::value last_top = tops.back();
  EXPECT_EQ(last_top.as_object().begin()->value(), entries.back()) << "greedy: the most probable one was chosen";
  entries.pop_back();
  EXPECT_EQ(json::value(entries), at(without, "/choices/0/logprobs/token_logprobs"));
  EXPECT_TRUE(text_at(answer, "/choices/0/text").starts_with(kText));
}

TEST_F(TextScores, TheEndOfTheSequenceHasAnEntryInAnEcho) {
  start();
  json::object request = echoed(1);
  const std::size_t n = tokens_of(kText).size();
  request["logit_bias"] = json::object{{std::to_string(model_->loaded().defaults.eos_token_ids.front()), 100}};
  const json::value answer = ask(kCompletions, request);
  EXPECT_EQ(at(answer, "/choices/0/logprobs/tokens").as_array().size(), n + 1);
  EXPECT_EQ(text_at(answer, "/choices/0/finish_reason"), "length");
}

TEST_F(TextScores, AStreamedEchoAddsUpToTheWhole) {
  start();
  const json::value whole = ask(kCompletions, echoed(5));
  std::string text;
  json::array entries;
  for (const StreamEvent& event : stream(kCompletions, echoed(5))) {
    if (event.data == "[DONE]") continue;
    const json::value chunk = event.json();
    text += text_at(chunk, "/choices/0/text");
    const json::array& added = at(chunk, "/choices/0/logprobs/token_logprobs").as_array();
    entries.insert(entries.end(), added.begin(), added.end());
  }
  EXPECT_EQ(text, text_at(whole, "/choices/0/text"));
  EXPECT_EQ(json::value(entries), at(whole, "/choices/0/logprobs/token_logprobs"));
}

TEST_F(TextScores, AnEchoNeedsNoLogProbabilities) {
  start();
  json::object request = echoed(3);
  request.erase("logprobs");
  const json::value answer = ask(kCompletions, request);
  EXPECT_TRUE(text_at(answer, "/choices/0/text").starts_with(kText));
  EXPECT_TRUE(at(answer, "/choices/0/logprobs").is_null());
  request["max_tokens"] = 0;
  EXPECT_EQ(text_at(ask(kCompletions, request), "/choices/0/text"), kText);
  request["echo"] = false;
  EXPECT_EQ(post(kCompletions, request).status, 400) << "then there would be nothing to answer";
}

}  // namespace
}  // namespace marlin::api
