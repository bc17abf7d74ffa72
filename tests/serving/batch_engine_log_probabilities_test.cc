// SPDX-License-Identifier: Apache-2.0
// Log probabilities of a batch engine's tokens, on the demo model: those of a session's logits, and with their text.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "metal_marlin/engine.h"
#include "serving/batch_engine.h"
#include "tests/serving/told.h"

namespace marlin {
namespace {

using test::Told;

class LogProbabilitiesOfABatch : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    engine_ = Engine::load({.model = MARLIN_SOURCE_DIR "/models/demo", .backend = "cpu", .n_threads = 2});
  }
  static void TearDownTestSuite() { engine_.reset(); }

  static const LoadedModel& loaded() { return engine_->loaded_model(); }

  static BatchRequest request(std::string_view prompt, std::int64_t n_tokens, std::optional<std::size_t> n_top) {
    return {.prompt = engine_->encode(prompt, /*parse_special=*/true, /*add_bos=*/false),
            .options = {.sampling = {.temperature = 1.5, .top_k = 40, .frequency_penalty = 0.5, .seed = 3},
                        .max_tokens = n_tokens,
                        .ignore_eos = true},
            .n_top_log_probabilities = n_top};
  }

  /// What a session's logits say about what was told.
  static void expect_those_of_a_session(const BatchRequest& request, const Told& told) {
    const auto session = engine_->new_session();
    std::vector<std::int32_t> tokens = request.prompt;
    ASSERT_EQ(told.log_probabilities().size(), told.tokens().size());
    for (std::size_t i = 0; i < told.tokens().size(); ++i) {
      session->append(tokens);
      const LogProbabilities expected =
          log_probabilities(session->logits(), told.tokens()[i], *request.n_top_log_probabilities);
      const LogProbabilities& actual = told.log_probabilities()[i];
      EXPECT_EQ(actual.chosen.token, told.tokens()[i]);
      EXPECT_NEAR(actual.chosen.log_probability, expected.chosen.log_probability, 1e-4);
      ASSERT_EQ(actual.top.size(), expected.top.size());
      double sum = 0.0;
      for (std::size_t j = 0; j < actual.top.size(); ++j) {
        EXPECT_NEAR(actual.top[j].log_probability, expected.top[j].log_probability, 1e-4);
        sum += std::exp(actual.top[j].log_probability);
      }
      EXPECT_LE(sum, 1.0 + 1e-6);
      tokens = {told.tokens()[i]};
    }
  }

  static inline std::unique_ptr<Engine> engine_;
};

TEST_F(LogProbabilitiesOfABatch, AreThoseOfASessionsLogits) {
  const BatchRequest asked = request("[gMASK]<sop><|user|>Tell me a story.<|assistant|></think>", 25, 5);
  BatchEngine engine(loaded(), {.batch = {.max_batch_size = 2, .max_batch_tokens = 16}});
  Told told;
  engine.submit(asked, told.listener());
  told.wait();
  ASSERT_EQ(told.tokens().size(), 25U);
  expect_those_of_a_session(asked, told);
}

TEST_F(LogProbabilitiesOfABatch, AreTheSameAmongOthersAndAfterPreemption) {
  std::vector<BatchRequest> requests;
  for (std::size_t i = 0; i < 6; ++i) {
    requests.push_back(request("[gMASK]<sop><|user|>What is 12 + 7?<|assistant|>", 40,
                               i % 2 == 0 ? std::optional<std::size_t>(i) : std::nullopt));
    requests.back().options.sampling.seed = i;
  }
  BatchEngine engine(loaded(), {.batch = {.max_batch_size = 6, .max_batch_tokens = 32}, .n_blocks = 12});
  std::vector<Told> told(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) engine.submit(requests[i], told[i].listener());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    told[i].wait();
    if (i % 2 == 0) {
      expect_those_of_a_session(requests[i], told[i]);
    } else {
      EXPECT_TRUE(told[i].log_probabilities().empty()) << "nobody asked";
    }
  }
  EXPECT_GT(engine.gauges().scheduler.n_preemptions, 0U);
}

TEST_F(LogProbabilitiesOfABatch, ComeForTheTextBeforeAStopStringOnly) {
  BatchRequest asked = request("[gMASK]<sop><|user|>Count from 1 to 9.<|assistant|></think>", 30, 0);
  asked.options.sampling = {.temperature = 0};
  BatchEngine engine(loaded(), {});
  Told whole;
  engine.submit(asked, whole.listener());
  whole.wait();
  ASSERT_GT(whole.text().size(), 12U);
  const std::size_t cut = whole.text().size() / 2;
  asked.options.stop = {whole.text().substr(cut, 5)};
  Told stopped;
  engine.submit(asked, stopped.listener());
  stopped.wait();
  const std::size_t end = whole.text().find(asked.options.stop[0]);
  EXPECT_EQ(stopped.text(), whole.text().substr(0, end));
  std::string text;
  for (const LogProbabilities& entry : stopped.log_probabilities()) {
    EXPECT_LT(text.size(), end) << "a token of which nothing was told";
    text += engine_->decode(std::vector{entry.chosen.token});
  }
  EXPECT_EQ(text.substr(0, end), stopped.text());
}

}  // namespace
}  // namespace marlin
