// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/sample_cases.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <span>

#include "ops/embed.h"
#include "ops/sample.h"
#include "sampling/sampler.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/error_bound.h"
#include "tests/ops/sample_state.h"
#include "tests/ops/test_matrix.h"
#include "tests/support/random_tensor.h"

namespace marlin::test {
namespace {

struct Vocabulary {
  std::int64_t size;
  std::int64_t n_usable;
  std::size_t n_steps;
};

// below, at and above the sampler's blocks of 64, with and without padding tokens, and one as large as they come
constexpr Vocabulary kVocabularies[] = {{1, -1, 20},  {2, 1, 20},    {2, -1, 20},     {63, -1, 100},
                                        {64, 63, 60}, {64, -1, 60},  {65, 64, 60},    {65, -1, 60},
                                        {130, 3, 60}, {1000, 1, 20}, {1000, -1, 200}, {154880, 151552, 6}};

// Steps of one command buffer: each reads the state that the one before it wrote.
constexpr std::size_t kStepsTogether = 5;

/// A bias must name a token of the vocabulary.
SamplingOptions fitted(SamplingOptions options, std::int64_t vocab_size) {
  std::erase_if(options.logit_bias, [&](const LogitBias& bias) { return bias.token >= vocab_size; });
  return options;
}

std::vector<std::int32_t> prompt_of(std::int64_t vocab_size) {
  std::vector<std::int32_t> prompt;
  for (std::int64_t token = 0; token < vocab_size; token += 7) prompt.push_back(static_cast<std::int32_t>(token));
  return prompt;
}

/// Runs kStepsTogether steps on the device and on the host. Returns whether they agree.
bool check_steps(Device& device, const abi::SampleArguments& arguments, const SampleState& state, Sampler& sampler,
                 std::uint64_t seed, const std::string& what) {
  const std::size_t vocab = arguments.vocab_size;
  std::vector<float> logits = normal_tensor(kStepsTogether * vocab, seed, 2.5);
  const DeviceTensor<std::int32_t> tokens(device, kStepsTogether);
  DeviceTensor<float> on_device(device, logits.size());
  on_device.set(logits);
  run_on(device, [&](CommandBuffer& commands) {
    for (std::size_t i = 0; i < kStepsTogether; ++i) {
      const BufferView all = on_device.view();
      const BufferView row{all.buffer, all.offset + i * vocab * sizeof(float), vocab * sizeof(float)};
      const BufferView token{tokens.view().buffer, tokens.view().offset + i * sizeof(std::int32_t),
                             sizeof(std::int32_t)};
      ops::sample(commands, arguments, row, state.view(), token);
    }
  });
  std::vector<std::int32_t> expected;
  for (std::size_t i = 0; i < kStepsTogether; ++i) {
    expected.push_back(sampler.sample(std::span(logits).subspan(i * vocab, vocab)));
  }
  EXPECT_EQ(tokens.values(), expected) << what;
  return tokens.values() == expected && expect_same_bits(on_device.values(), logits, what);
}

}  // namespace

const std::vector<SampleCase>& sample_cases() {
  constexpr float kForbidden = -std::numeric_limits<float>::infinity();
  static const std::vector<SampleCase> cases = {
      {"Greedy", {.temperature = 0.0, .seed = 1}},
      {"Plain", {.seed = 2}},
      {"Temperature", {.temperature = 0.6, .seed = 3}},
      {"OtherSeed", {.temperature = 0.6, .seed = 0xFFFFFFFFFFFFFFFFULL}},
      {"TopK", {.top_k = 40, .seed = 4}},
      {"TopKOne", {.top_k = 1, .seed = 5}},
      {"TopP", {.top_p = 0.9, .seed = 6}},
      {"MinP", {.min_p = 0.05, .seed = 7}},
      {"AllFilters", {.temperature = 0.8, .top_k = 50, .top_p = 0.95, .min_p = 0.01, .seed = 8}},
      {"Penalties",
       {.temperature = 0.7,
        .top_p = 0.95,
        .repetition_penalty = 1.2,
        .presence_penalty = 0.4,
        .frequency_penalty = -0.3,
        .seed = 9}},
      {"GreedyPenalties", {.temperature = 0.0, .repetition_penalty = 1.5, .frequency_penalty = 0.5, .seed = 10}},
      {"Bias", {.top_p = 0.99, .seed = 11, .logit_bias = {{0, 1.5F}, {61, 4.0F}, {1, kForbidden}, {61, -0.5F}}}},
  };
  return cases;
}

void check_sample(Device& device, const SampleCase& sample_case) {
  for (const Vocabulary& vocabulary : kVocabularies) {
    const SamplingOptions options = fitted(sample_case.options, vocabulary.size);
    const abi::SampleArguments arguments = make_sample_arguments(options, vocabulary.size, vocabulary.n_usable);
    const std::vector<std::int32_t> prompt = prompt_of(vocabulary.size);
    const SampleState state(device, arguments, options, prompt);
    Sampler sampler(options, vocabulary.size, vocabulary.n_usable);
    sampler.observe_prompt(prompt);
    for (std::size_t step = 0; step < vocabulary.n_steps; step += kStepsTogether) {
      const std::string what =
          fmt::format("{}, {} of {} tokens, from step {}", sample_case.name, arguments.n_usable, vocabulary.size, step);
      if (!check_steps(device, arguments, state, sampler, step, what)) return;
    }
  }
}

void check_sample_then_embed(Device& device) {
  constexpr std::size_t kVocabulary = 100;
  const SamplingOptions options{.seed = 12};
  const abi::SampleArguments arguments = make_sample_arguments(options, kVocabulary, -1);
  const SampleState state(device, arguments, options, {});
  std::vector<float> values(kVocabulary);
  for (std::size_t i = 0; i < kVocabulary; ++i) values[i] = static_cast<float>(i) + 0.5F;
  const WrappedBytes memory(device, stored_bytes(values, element_of(abi::MatrixFormat::kF32)));
  abi::Matrix table{};
  table.weights = memory.device_address();
  table.n_in = table.stored_in = 1;
  table.n_out = table.stored_out = kVocabulary;
  table.format = abi::MatrixFormat::kF32;
  DeviceTensor<float> logits(device, kVocabulary);
  const DeviceTensor<std::int32_t> token(device, 1);
  const DeviceTensor<std::int32_t> ids(device, std::array{-1});  // the token, whichever it is
  const DeviceTensor<float> row(device, 1);
  for (std::uint64_t step = 0; step < 20; ++step) {
    logits.set(normal_tensor(kVocabulary, step, 1.0));
    run_on(device, [&](CommandBuffer& commands) {
      ops::sample(commands, arguments, logits.view(), state.view(), token.view());
      ops::embed(commands, table, ids.view(), token.view(), row.view(), 1);
    });
    EXPECT_EQ(row.values()[0], static_cast<float>(token.values()[0]) + 0.5F);
  }
}

}  // namespace marlin::test
