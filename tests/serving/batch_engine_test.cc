// SPDX-License-Identifier: Apache-2.0
// Many generations at a time on a small random model: each must be what it is alone, whatever else is going on.
#include "serving/batch_engine.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "backends/registry.h"
#include "base/error.h"
#include "tests/generation/synthetic_model.h"
#include "tests/serving/told.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

using test::Told;

BatchRequest greedy(std::vector<std::int32_t> prompt, std::int64_t n) {
  return {.prompt = std::move(prompt),
          .options = {.sampling = {.temperature = 0}, .max_tokens = n, .ignore_eos = true},
          .priority = 0};
}

std::vector<std::int32_t> prompt_of(std::size_t n, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::int32_t> prompt(n);
  for (std::int32_t& token : prompt) token = static_cast<std::int32_t>(random() % 200);
  return prompt;
}

class BatchEngineTest : public testing::Test {
 protected:
  void SetUp() override { loaded_ = test::load_synthetic("tiny-moe", create_device("cpu", {.n_threads = 2})); }

  /// What the request generates on an engine of its own.
  std::vector<std::int32_t> alone(const BatchRequest& request) {
    BatchEngine engine(*loaded_, {.batch = {.max_batch_size = 1, .max_batch_tokens = 512}});
    Told told;
    engine.submit(request, told.listener());
    told.wait();
    return told.tokens();
  }

  std::unique_ptr<LoadedModel> loaded_;
};

/// Whatever the cache holds numbers in, what is read from it must not depend on the company.
class BatchEngineCache : public BatchEngineTest, public testing::WithParamInterface<abi::MatrixFormat> {
 protected:
  void SetUp() override {
    BatchEngineTest::SetUp();
    loaded_->cache_format = GetParam();
  }
};

INSTANTIATE_TEST_SUITE_P(Formats, BatchEngineCache, testing::Values(abi::MatrixFormat::kF16, abi::MatrixFormat::kInt8),
                         [](const auto& format) { return format.param == abi::MatrixFormat::kF16 ? "f16" : "int8"; });

TEST_P(BatchEngineCache, AGenerationIsTheSameAmong32Others) {
  std::vector<BatchRequest> requests;
  for (std::uint32_t i = 0; i < 33; ++i) requests.push_back(greedy(prompt_of(1 + i * 3 % 40, i), 5 + i % 20));
  for (BatchRequest& request : requests) {  // some that draw
    if (request.prompt.size() % 3 == 0)
      request.options.sampling = {.temperature = 0.8, .repetition_penalty = 1.1, .seed = 5};
  }
  BatchEngine engine(*loaded_, {.batch = {.max_batch_size = 33, .max_batch_tokens = 64}});
  std::vector<Told> told(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) engine.submit(requests[i], told[i].listener());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    told[i].wait();
    EXPECT_EQ(told[i].finished(), FinishReason::kLength);
    EXPECT_EQ(told[i].tokens(), alone(requests[i])) << i;
  }
}

TEST_P(BatchEngineCache, AGenerationIsTheSameAfterPreemption) {
  std::vector<BatchRequest> requests;
  for (std::uint32_t i = 0; i < 6; ++i) requests.push_back(greedy(prompt_of(10, i), 60));
  BatchEngine engine(*loaded_, {.batch = {.max_batch_size = 6, .max_batch_tokens = 32}, .n_blocks = 12});
  std::vector<Told> told(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) engine.submit(requests[i], told[i].listener());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    told[i].wait();
    EXPECT_EQ(told[i].tokens(), alone(requests[i])) << i;
  }
  EXPECT_GT(engine.gauges().scheduler.n_preemptions, 0U);
}

TEST_P(BatchEngineCache, APromptInChunksOfAnySizeGivesTheSame) {
  const BatchRequest request = greedy(prompt_of(100, 3), 10);
  const std::vector<std::int32_t> expected = alone(request);
  for (const std::int64_t chunk : {1, 2, 7, 16, 33}) {
    BatchEngine engine(*loaded_, {.batch = {.max_batch_size = 1, .max_batch_tokens = chunk}});
    Told told;
    engine.submit(request, told.listener());
    told.wait();
    EXPECT_EQ(told.tokens(), expected) << chunk;
  }
}

TEST_P(BatchEngineCache, WhatAnEarlierRequestComputedIsUsedAgain) {
  const std::vector<std::int32_t> prompt = prompt_of(50, 4);
  BatchEngine engine(*loaded_, {.batch = {.max_batch_size = 2, .max_batch_tokens = 64}});
  Told first;
  engine.submit(greedy(prompt, 20), first.listener());
  first.wait();
  EXPECT_EQ(first.cached_tokens(), 0);
  std::vector<std::int32_t> longer = prompt;
  const std::vector<std::int32_t> answer = first.tokens();
  longer.insert(longer.end(), answer.begin(), answer.end());
  longer.push_back(9);
  Told second;
  engine.submit(greedy(longer, 10), second.listener());
  second.wait();
  EXPECT_EQ(second.cached_tokens(), 64) << "four blocks of 50 + 19 computed tokens";
  EXPECT_EQ(second.tokens(), alone(greedy(longer, 10)));
}

TEST_F(BatchEngineTest, ACancelledRequestIsToldAndItsPlaceIsFree) {
  BatchEngine engine(*loaded_, {.batch = {.max_batch_size = 1, .max_batch_tokens = 16}, .max_queue = 1});
  Told first;
  const RequestId running = engine.submit(greedy(prompt_of(5, 1), 200), first.listener());
  first.wait_for_tokens(3);
  Told second;
  engine.submit(greedy(prompt_of(5, 2), 3), second.listener());
  EXPECT_EQ(test::error_of([&] { engine.submit(greedy(prompt_of(5, 3), 3), {}); }).code(), ErrorCode::kBusy);
  engine.cancel(running);
  first.wait();
  EXPECT_EQ(first.finished(), FinishReason::kCancelled);
  second.wait();
  EXPECT_EQ(second.tokens(), alone(greedy(prompt_of(5, 2), 3)));
  engine.cancel(running);  // long over
}

TEST_F(BatchEngineTest, TheEndOfTheEngineEndsItsRequests) {
  Told told;
  {
    BatchEngine engine(*loaded_, {});
    engine.submit(greedy(prompt_of(5, 1), 200), told.listener());
    told.wait_for_tokens(1);
  }
  EXPECT_EQ(told.finished(), FinishReason::kCancelled);
}

TEST_F(BatchEngineTest, RefusesWhatCannotBeDone) {
  BatchEngine engine(*loaded_, {});
  const auto code = [&](BatchRequest request) {
    return test::error_of([&] { engine.submit(std::move(request), {}); }).code();
  };
  EXPECT_EQ(code(greedy({}, 1)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(greedy({1, -5}, 1)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(greedy(std::vector<std::int32_t>(100000, 1), 1)), ErrorCode::kContextOverflow);
  BatchRequest request = greedy({1}, 1);
  request.options.sampling.top_p = 2;
  EXPECT_EQ(code(request), ErrorCode::kInvalidArgument);
  request.options.sampling = {.logit_bias = {{1 << 30, 1.0F}}};
  EXPECT_EQ(code(request), ErrorCode::kInvalidArgument);
  request.options.sampling.logit_bias.clear();
  for (std::int32_t token = 0; token < loaded_->info.vocab_size; ++token) {
    request.options.sampling.logit_bias.push_back({token, -std::numeric_limits<float>::infinity()});
  }
  EXPECT_EQ(code(request), ErrorCode::kInvalidArgument) << "nothing could be chosen, and the pass would fail";
}

}  // namespace
}  // namespace marlin
