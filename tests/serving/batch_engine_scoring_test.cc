// SPDX-License-Identifier: Apache-2.0
// Log probabilities of prompts by a batch engine, on the demo model: those of a session, whatever else is going on.
#include <gtest/gtest.h>

#include "base/error.h"
#include "metal_marlin/engine.h"
#include "serving/batch_engine.h"
#include "tests/serving/told.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

using test::Told;

constexpr std::string_view kText =
    "[gMASK]<sop><|user|>Tell me a story about a fox.<|assistant|></think>One day, a fox went to the river. The water "
    "was cold and the fox was thirsty. It looked for a friend, and there was an owl in the old tree.";

class ScoringByABatch : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    engine_ = Engine::load({.model = MARLIN_SOURCE_DIR "/models/demo", .backend = "cpu", .n_threads = 2});
  }
  static void TearDownTestSuite() { engine_.reset(); }

  static const LoadedModel& loaded() { return engine_->loaded_model(); }

  static std::vector<std::int32_t> tokens_of(std::string_view text) {
    return engine_->encode(text, /*parse_special=*/true, /*add_bos=*/false);
  }

  static BatchRequest scored(std::string_view text) {
    return {.prompt = tokens_of(text), .options = {}, .n_top_prompt_log_probabilities = 2, .only_prompt = true};
  }

  static BatchRequest generated(std::string_view prompt, std::int64_t n_tokens, std::uint64_t seed) {
    return {.prompt = tokens_of(prompt),
            .options = {.sampling = {.temperature = 1.2, .seed = seed}, .max_tokens = n_tokens, .ignore_eos = true}};
  }

  static std::vector<LogProbabilities> alone(const BatchRequest& request) {
    BatchEngine engine(loaded(), {});
    Told told;
    engine.submit(request, told.listener());
    told.wait();
    return told.of_prompt();
  }

  static void expect_those_of_a_session(const BatchRequest& request, const std::vector<LogProbabilities>& told) {
    const std::vector<double> expected = engine_->new_session(16)->score(request.prompt);
    ASSERT_EQ(told.size(), expected.size());
    double sum = 0.0;
    double expected_sum = 0.0;
    for (std::size_t i = 0; i < told.size(); ++i) {
      EXPECT_EQ(told[i].chosen.token, request.prompt[i + 1]);
      EXPECT_NEAR(told[i].chosen.log_probability, expected[i], 1e-4) << i;
      sum += told[i].chosen.log_probability;
      expected_sum += expected[i];
    }
    EXPECT_NEAR(sum, expected_sum, 1e-4);
  }

  /// The same numbers: a row's result does not depend on its company.
  static void expect_equal(const std::vector<LogProbabilities>& a, const std::vector<LogProbabilities>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].chosen.log_probability, b[i].chosen.log_probability) << i;
      ASSERT_EQ(a[i].top.size(), b[i].top.size());
      for (std::size_t j = 0; j < a[i].top.size(); ++j) EXPECT_EQ(a[i].top[j].token, b[i].top[j].token);
    }
  }

  static inline std::unique_ptr<Engine> engine_;
};

TEST_F(ScoringByABatch, GivesWhatASessionGives) {
  const BatchRequest request = scored(kText);
  for (const std::int64_t batch_size : {1, 3, 8, 64}) {
    BatchEngine engine(loaded(), {.batch = {.max_batch_size = batch_size, .max_batch_tokens = 64}});
    Told told;
    engine.submit(request, told.listener());
    told.wait();
    EXPECT_EQ(told.finished(), FinishReason::kLength);
    EXPECT_TRUE(told.tokens().empty() && told.text().empty()) << "nothing is generated";
    expect_those_of_a_session(request, told.of_prompt());
    ASSERT_EQ(told.of_prompt()[0].top.size(), 2U);
  }
}

TEST_F(ScoringByABatch, IsTheSameAmongOthersWhoGenerate) {
  const BatchRequest request = scored(kText);
  const std::vector<LogProbabilities> expected = alone(request);
  for (const std::int64_t n_blocks : {0, 24}) {
    SCOPED_TRACE(n_blocks);
    BatchEngine engine(loaded(), {.batch = {.max_batch_size = 17, .max_batch_tokens = 32}, .n_blocks = n_blocks});
    std::vector<Told> told(19);
    for (std::size_t i = 0; i < told.size(); ++i) {
      const bool scores = i % 8 == 1;  // three of them
      engine.submit(scores ? request : generated("[gMASK]<sop><|user|>What is 12 + 7?<|assistant|>", 40, i),
                    told[i].listener());
    }
    for (std::size_t i = 0; i < told.size(); ++i) {
      told[i].wait();
      ASSERT_FALSE(told[i].error()) << told[i].error()->what();
      if (i % 8 == 1) {
        expect_equal(told[i].of_prompt(), expected);
      } else {
        EXPECT_EQ(told[i].tokens().size(), 40U);
        EXPECT_TRUE(told[i].of_prompt().empty()) << "nobody asked";
      }
    }
    EXPECT_EQ(engine.gauges().scheduler.n_preemptions > 0, n_blocks > 0);
  }
}

TEST_F(ScoringByABatch, DoesNotLeaveOutWhatTheCacheHolds) {
  const BatchRequest request = scored(kText);
  BatchEngine engine(loaded(), {});
  for (int i = 0; i < 2; ++i) {
    Told told;
    engine.submit(request, told.listener());
    told.wait();
    EXPECT_EQ(told.cached_tokens(), 0);
    expect_equal(told.of_prompt(), alone(request));
  }
}

TEST_F(ScoringByABatch, ChangesNothingInWhatIsGenerated) {
  BatchRequest request = generated(kText, 12, 5);
  request.n_top_log_probabilities = 1;
  BatchEngine engine(loaded(), {});
  Told plain;
  engine.submit(request, plain.listener());
  plain.wait();
  request.n_top_prompt_log_probabilities = 2;
  Told both;
  engine.submit(request, both.listener());
  both.wait();
  EXPECT_EQ(both.tokens(), plain.tokens());
  expect_equal(both.log_probabilities(), plain.log_probabilities());
  expect_equal(both.of_prompt(), alone(scored(kText)));
}

TEST_F(ScoringByABatch, CanBeCancelled) {
  BatchEngine engine(loaded(), {.batch = {.max_batch_size = 1, .max_batch_tokens = 16}});
  Told told;
  engine.cancel(engine.submit(scored(kText), told.listener()));
  told.wait();
  EXPECT_EQ(told.finished(), FinishReason::kCancelled);
  Told next;
  engine.submit(scored("One day, a fox"), next.listener());
  next.wait();
  EXPECT_EQ(next.of_prompt().size() + 1, tokens_of("One day, a fox").size());
}

TEST_F(ScoringByABatch, SaysHowLongATextMayBe) {
  BatchEngine engine(loaded(), {.batch = {}, .n_blocks = 4});
  BatchRequest request = scored("a");
  request.prompt.assign(63, request.prompt[0]);
  Told told;
  engine.submit(request, told.listener());
  told.wait();
  EXPECT_EQ(told.of_prompt().size(), 62U);
  request.prompt.push_back(request.prompt[0]);
  const Error error = test::error_of([&] { engine.submit(request, {}); });
  EXPECT_EQ(error.code(), ErrorCode::kContextOverflow);
  EXPECT_NE(std::string(error.what()).find("scored has 63"), std::string::npos) << error.what();
}

}  // namespace
}  // namespace marlin
