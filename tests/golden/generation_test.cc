// SPDX-License-Identifier: Apache-2.0
// Text generation end to end through the public engine: greedy continuations as transformers made them, and what
// sessions promise.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>

#include "io/json.h"
#include "metal_marlin/engine.h"
#include "tests/support/backend.h"
#include "tests/support/fixtures.h"

namespace marlin::test {
namespace {

std::unique_ptr<Engine> load_demo() {
  return Engine::load({.model = demo_model().string(), .backend = test_backend(), .n_threads = 2});
}

GenerationOptions greedy(std::int64_t max_tokens) {
  GenerationOptions options;
  options.sampling.temperature = 0;
  options.max_tokens = max_tokens;
  return options;
}

TEST(Generation, GreedyContinuationsAreThoseOfTransformers) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  const auto engine =
      Engine::load({.model = fixture("models/tiny-glm4-moe-lite").string(), .backend = test_backend(), .n_threads = 2});
  const auto session = engine->new_session();
  const auto cases = read_json_file(fixture("golden/greedy.json"), 1 << 20);
  int n_compared = 0;
  for (const auto& entry : cases.as_array()) {
    if (entry.at("min_margin").to_number<double>() <= 0.05) continue;  // float32 may decide such a near tie otherwise
    ++n_compared;
    const auto prompt = boost::json::value_to<std::vector<std::int32_t>>(entry.at("prompt_ids"));
    const auto expected = boost::json::value_to<std::vector<std::int32_t>>(entry.at("output_ids"));
    EXPECT_EQ(engine->encode(entry.at("prompt").as_string(), true, false), prompt);
    EXPECT_EQ(session->generate(prompt, greedy(96)).output_ids, expected) << entry.at("prompt").as_string();
  }
  EXPECT_GE(n_compared, 10);
}

TEST(Generation, DemoModelAnswersASum) {
  const auto engine = load_demo();
  const std::vector<ChatMessage> messages{{"user", "What is 12 + 7?"}};
  const auto prompt = engine->encode_chat(messages, R"({"enable_thinking": false})");
  std::string streamed;
  const GenerationResult result = engine->new_session()->generate(prompt, greedy(40), [&](std::string_view text) {
    streamed += text;
    return true;
  });
  EXPECT_EQ(result.text, "12 + 7 = 19.");
  EXPECT_EQ(streamed, result.text);
  EXPECT_EQ(result.finish_reason, FinishReason::kStop);
  EXPECT_EQ(result.prompt_tokens, static_cast<std::int64_t>(prompt.size()));
}

TEST(Generation, SameSeedSameTextAndAnotherSeedAnother) {
  const auto engine = load_demo();
  const auto prompt = engine->encode("Once upon a time, there was", false, true);
  GenerationOptions options = engine->defaults();
  options.max_tokens = 40;
  const auto text = [&](std::uint64_t seed) {
    options.sampling.seed = seed;
    return engine->new_session()->generate(prompt, options).text;
  };
  EXPECT_EQ(text(7), text(7));
  EXPECT_NE(text(7), text(8));
}

TEST(Generation, AConversationReusesWhatTheSessionHolds) {
  const auto engine = load_demo();
  const auto session = engine->new_session();
  const auto first = engine->encode("Once upon a time, there was a fox. The fox", false, true);
  session->generate(first, greedy(8));
  auto second = first;
  second.push_back(first.back());
  const GenerationResult reused = session->generate(second, greedy(8));
  EXPECT_EQ(reused.cached_tokens, static_cast<std::int64_t>(first.size()));
  EXPECT_EQ(reused.output_ids, engine->new_session()->generate(second, greedy(8)).output_ids);
}

TEST(Generation, StopStringsCancellationAndLimitsEndIt) {
  const auto engine = load_demo();
  const auto prompt = engine->encode("Once upon a time, there was", false, true);
  const auto session = engine->new_session();
  const std::string whole = session->generate(prompt, greedy(40)).text;
  GenerationOptions options = greedy(40);
  options.stop = {whole.substr(10, 7)};
  const GenerationResult stopped = session->generate(prompt, options);
  EXPECT_EQ(stopped.text, whole.substr(0, whole.find(options.stop[0])));
  EXPECT_EQ(stopped.finish_reason, FinishReason::kStop);

  const GenerationResult cancelled = session->generate(prompt, greedy(40), [](std::string_view) { return false; });
  EXPECT_EQ(cancelled.finish_reason, FinishReason::kCancelled);
  EXPECT_LT(cancelled.output_ids.size(), 5U);

  const GenerationResult limited = session->generate(prompt, greedy(3));
  EXPECT_EQ(limited.output_ids.size(), 3U);
  EXPECT_EQ(limited.finish_reason, FinishReason::kLength);
}

TEST(Generation, TheContextIsALimitAndAClearError) {
  const auto engine =
      Engine::load({.model = demo_model().string(), .backend = test_backend(), .n_threads = 2, .context_tokens = 32});
  const auto session = engine->new_session();
  const std::vector<std::int32_t> prompt(20, 300);
  GenerationOptions options = greedy(-1);
  options.ignore_eos = true;
  EXPECT_EQ(session->generate(prompt, options).output_ids.size(), 12U);
  const std::vector<std::int32_t> too_long(32, 300);
  try {
    session->generate(too_long, options);
    FAIL() << "a prompt that fills the context was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kContextOverflow);
    EXPECT_NE(std::string(error.what()).find("--ctx-size"), std::string::npos);
  }
  EXPECT_EQ(session->generate(prompt, options).output_ids.size(), 12U);  // and the session still works
  EXPECT_THROW(session->generate(std::vector<std::int32_t>{5000}, options), Error);
  EXPECT_THROW(session->generate({}, options), Error);
}

TEST(Generation, ScoresAreLogProbabilities) {
  const auto engine = load_demo();
  const auto session = engine->new_session(16);
  const auto ids = engine->encode("Once upon a time, there was a fox who lived near the river and sang.", false, false);
  const std::vector<double> scores = session->score(ids);
  ASSERT_EQ(scores.size(), ids.size() - 1);
  const auto one_by_one = engine->new_session();
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
    one_by_one->append({&ids[i], 1});
    const auto logits = one_by_one->logits();
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
    EXPECT_NEAR(scores[i], static_cast<double>(logits[static_cast<std::size_t>(ids[i + 1])]) - std::log(sum), 1e-6);
  }
}

}  // namespace
}  // namespace marlin::test
