// SPDX-License-Identifier: Apache-2.0
// Constrained generations of the demo model, judged by a JSON parser and by a checker that knows nothing of grammars:
// alone, among others, preempted, greedy and at temperatures where a model writes noise.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "metal_marlin/engine.h"
#include "serving/batch_engine.h"
#include "tests/grammar/accepts.h"
#include "tests/grammar/schema_checker.h"
#include "tests/grammar/schemas.h"
#include "tests/serving/told.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

using test::Told;

// Closed, so that a generation ends by itself.
constexpr const char* kRecord = R"({"type":"object","properties":{"kind":{"enum":["fox","owl","hare"]},
    "age":{"type":"integer","minimum":0,"maximum":150},"tags":{"type":"array","items":{"type":"string","maxLength":6},"maxItems":3},
    "at":{"type":"string","format":"date"}},"required":["kind","age","tags"]})";

class ConstrainedBatch : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    engine_ = Engine::load({.model = MARLIN_SOURCE_DIR "/models/demo", .backend = "cpu", .n_threads = 2});
    masker_ = make_token_masker(loaded());
  }
  static void TearDownTestSuite() {
    masker_.reset();
    engine_.reset();
  }

  static const LoadedModel& loaded() { return engine_->loaded_model(); }

  static BatchRequest request(const SamplingOptions& sampling, std::int64_t n_tokens) {
    return {.prompt = engine_->encode("[gMASK]<sop><|user|>Give me a record.<|assistant|></think>", true, false),
            .options = {.sampling = sampling, .max_tokens = n_tokens}};
  }

  static BatchRequest constrained(const char* schema, const SamplingOptions& sampling, std::int64_t n_tokens = 90) {
    BatchRequest result = request(sampling, n_tokens);
    result.constraint.emplace(*masker_, test::grammar_of(schema));
    return result;
  }

  /// What has come to an end is valid; what was cut short began well.
  static void expect_follows(const char* schema, const Told& told) {
    ASSERT_TRUE(told.finished()) << schema << ": " << (told.error() ? told.error()->what() : "");
    if (*told.finished() == FinishReason::kStop) {
      boost::system::error_code error;
      const boost::json::value document = boost::json::parse(told.text(), error);
      ASSERT_FALSE(error) << told.text() << " for " << schema;
      const boost::json::value parsed = boost::json::parse(schema);
      EXPECT_TRUE(test::SchemaChecker(parsed).valid(document)) << told.text() << " for " << schema;
    } else {
      ConstrainedText text(*masker_, test::grammar_of(schema));
      for (const std::int32_t token : told.tokens()) {
        ASSERT_TRUE(text.accept(static_cast<std::uint32_t>(token))) << told.text() << " for " << schema;
      }
    }
  }

  static inline std::unique_ptr<Engine> engine_;
  static inline std::unique_ptr<const TokenMasker> masker_;
};

TEST_F(ConstrainedBatch, EveryAnswerIsValidForItsSchema) {
  BatchEngine engine(loaded(), {.batch = {.max_batch_size = 8, .max_batch_tokens = 64}});
  const SamplingOptions samplings[] = {
      {.temperature = 0},
      {.temperature = 8, .seed = 1},
      {.temperature = 1, .top_p = 0.9, .seed = 2},
      {.temperature = 2, .top_k = 3, .min_p = 0.1, .repetition_penalty = 1.3, .presence_penalty = 1, .seed = 3}};
  std::size_t n_ended = 0;
  for (const SamplingOptions& sampling : samplings) {
    std::vector<Told> told(std::size(test::kSchemas));
    for (std::size_t i = 0; i < told.size(); ++i) {
      engine.submit(constrained(test::kSchemas[i], sampling), told[i].listener());
    }
    for (std::size_t i = 0; i < told.size(); ++i) {
      told[i].wait();
      expect_follows(test::kSchemas[i], told[i]);
      n_ended += told[i].finished() == FinishReason::kStop ? 1 : 0;
    }
  }
  EXPECT_GT(n_ended, std::size(samplings) * std::size(test::kSchemas) / 3) << "most were cut short, which shows little";
}

TEST_F(ConstrainedBatch, AnAnswerIsTheSameAmong16OthersAndAfterPreemption) {
  const BatchRequest asked = constrained(kRecord, {.temperature = 1.5, .seed = 7});
  Told alone;
  {
    BatchEngine engine(loaded(), {});
    engine.submit(asked, alone.listener());
    alone.wait();
  }
  expect_follows(kRecord, alone);
  BatchEngine engine(loaded(), {.batch = {.max_batch_size = 17, .max_batch_tokens = 40}, .n_blocks = 24});
  std::vector<Told> others(16);
  const auto submit_others = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      BatchRequest other = request({.temperature = 1, .seed = i}, 50);
      if (i % 3 == 0) other = constrained(kRecord, {.temperature = 4, .seed = i});
      engine.submit(std::move(other), others[i].listener());
    }
  };
  Told among;
  submit_others(0, 8);  // these come before it, and take its blocks when they run out
  engine.submit(asked, among.listener());
  submit_others(8, 16);
  among.wait();
  EXPECT_EQ(among.tokens(), alone.tokens());
  EXPECT_EQ(among.text(), alone.text());
  for (std::size_t i = 0; i < others.size(); ++i) {
    others[i].wait();
    if (i % 3 == 0) expect_follows(kRecord, others[i]);
  }
  EXPECT_GT(engine.gauges().scheduler.n_preemptions, 0U);
}

TEST_F(ConstrainedBatch, EndsWhenTheTextIsComplete) {
  BatchEngine engine(loaded(), {});
  BatchRequest asked = constrained(R"({"enum":["yes","no"]})", {.temperature = 0});
  asked.options.ignore_eos = true;
  Told told;
  engine.submit(asked, told.listener());
  told.wait();
  EXPECT_EQ(told.finished(), FinishReason::kStop);
  EXPECT_TRUE(told.text() == R"("yes")" || told.text() == R"("no")") << told.text();
}

TEST_F(ConstrainedBatch, ABiasLeavesWhatItDoesNotForbid) {
  constexpr float kForbidden = -std::numeric_limits<float>::infinity();
  BatchEngine engine(loaded(), {});
  const auto first_token = [&](std::vector<LogitBias> bias) {
    Told told;
    engine.submit(
        constrained(R"({"type":"integer","minimum":0})", {.temperature = 0, .logit_bias = std::move(bias)}, 1),
        told.listener());
    told.wait();
    return told.tokens().at(0);
  };
  const std::int32_t favourite = first_token({});
  EXPECT_NE(first_token({{favourite, kForbidden}}), favourite);
  EXPECT_NE(first_token({{favourite, -2e38F}, {favourite, -2e38F}}), favourite);
}

TEST_F(ConstrainedBatch, RefusesWhatLeavesNothingToChoose) {
  BatchEngine engine(loaded(), {});
  Told other;
  engine.submit(request({.temperature = 0}, 30), other.listener());
  const auto refused = [&](const SamplingOptions& sampling) {
    return test::error_of([&] { engine.submit(constrained(R"({"enum":["yes"]})", sampling), {}); }).code();
  };
  SamplingOptions sampling{.temperature = 0};
  sampling.repetition_penalty = 1e30;
  EXPECT_EQ(refused(sampling), ErrorCode::kInvalidArgument);
  sampling.repetition_penalty = 1;
  for (std::int32_t token = 0; token + 1 < loaded().info.vocab_size; ++token) {
    if (engine_->decode(std::vector{token}).starts_with('"')) sampling.logit_bias.push_back({token, -1e35F});
  }
  EXPECT_EQ(refused(sampling), ErrorCode::kUnsupported);
  other.wait();
  EXPECT_FALSE(other.error()) << "another request must not suffer";
}

TEST_F(ConstrainedBatch, WhatCannotGoOnFailsAlone) {
  constexpr float kForbidden = -std::numeric_limits<float>::infinity();
  BatchEngine engine(loaded(), {.batch = {.max_batch_size = 4, .max_batch_tokens = 64}});
  SamplingOptions sampling{.temperature = 0};
  for (std::int32_t token = 0; token < loaded().info.vocab_size; ++token) {
    if (engine_->decode(std::vector{token}).find('z') != std::string::npos) {
      sampling.logit_bias.push_back({token, kForbidden});
    }
  }
  Told stuck;
  Told other;
  engine.submit(request({.temperature = 0}, 30), other.listener());
  engine.submit(constrained(R"({"enum":["xyz"]})", sampling), stuck.listener());
  stuck.wait();
  other.wait();
  ASSERT_TRUE(stuck.error());
  EXPECT_EQ(stuck.error()->code(), ErrorCode::kUnsupported);
  EXPECT_FALSE(other.error());
  EXPECT_EQ(other.tokens().empty(), false);
}

}  // namespace
}  // namespace marlin
