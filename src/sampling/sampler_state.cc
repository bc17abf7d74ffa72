// SPDX-License-Identifier: Apache-2.0
// See sampler_state.h. The layout is written once, as the order in which cut_state() takes arrays.
#include "sampling/sampler_state.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <memory>
#include <random>
#include <type_traits>

#include "base/error.h"
#include "sampling/sampler_options.h"
#include "sampling/sampler_weights.h"

namespace marlin {
namespace {

static_assert(std::is_trivially_copyable_v<SamplerState::Header> && std::is_trivially_copyable_v<LogitBias>);

/// Hands out consecutive aligned arrays from an address on; from address 0 it only measures.
class StateCutter {
 public:
  explicit StateCutter(std::uintptr_t start) : end_(start) {}

  template <typename T>
  std::span<T> take(std::size_t count) {
    const std::uintptr_t first = end_;
    constexpr std::size_t kLine = abi::kSampleStateAlignment;
    end_ += (count * sizeof(T) + kLine - 1) / kLine * kLine;
    return {reinterpret_cast<T*>(first), count};
  }

  [[nodiscard]] std::uintptr_t end() const { return end_; }

 private:
  std::uintptr_t end_;
};

SamplerState cut_state(const abi::SampleArguments& arguments, StateCutter& cutter) {
  const std::size_t n = arguments.n_usable;
  const std::size_t n_counted = arguments.penalizes != 0 ? n : 0;
  const std::size_t n_blocks = logit_blocks(n);
  return {.header = cutter.take<SamplerState::Header>(1).data(),
          .biases = cutter.take<LogitBias>(arguments.n_biases),
          .counts = cutter.take<std::int32_t>(n_counted),
          .seen = cutter.take<std::int32_t>(n_counted),
          .cut = {.measures = cutter.take<double>(kCutBuckets), .narrowed = cutter.take<std::int32_t>(n)},
          .block_max = cutter.take<float>(n_blocks),
          .block_order = cutter.take<float>(n_blocks),
          .block_mass = cutter.take<double>(n_blocks),
          .weights = cutter.take<double>(n),
          .kept = cutter.take<std::int32_t>(n)};
}

}  // namespace

abi::SampleArguments make_sample_arguments(const SamplingOptions& options, std::int64_t vocab_size,
                                           std::int64_t n_usable) {
  MARLIN_CHECK(vocab_size > 0 && vocab_size <= std::numeric_limits<std::int32_t>::max());
  MARLIN_CHECK(n_usable == -1 || n_usable > 0);
  MARLIN_CHECK(options.logit_bias.size() <= std::numeric_limits<std::uint32_t>::max());
  validate(options);
  for (const LogitBias& bias : options.logit_bias) {
    if (bias.token < 0 || bias.token >= vocab_size) {
      fail(ErrorCode::kInvalidArgument, "--logit-bias names token {}, but the vocabulary has tokens 0 to {}",
           bias.token, vocab_size - 1);
    }
  }
  const std::int64_t n = n_usable == -1 ? vocab_size : std::min(n_usable, vocab_size);
  const bool penalizes =
      options.repetition_penalty != 1.0 || options.presence_penalty != 0.0 || options.frequency_penalty != 0.0;
  abi::SampleArguments arguments{
      .state_bytes = 0,
      .temperature = options.temperature,
      .top_p = options.top_p,
      .min_p = options.min_p,
      .repetition_penalty = options.repetition_penalty,
      .presence_penalty = options.presence_penalty,
      .frequency_penalty = options.frequency_penalty,
      .vocab_size = static_cast<std::uint32_t>(vocab_size),
      .n_usable = static_cast<std::uint32_t>(n),
      .n_biases = static_cast<std::uint32_t>(options.logit_bias.size()),
      .top_k = options.top_k < n ? static_cast<std::uint32_t>(options.top_k) : 0,
      .penalizes = penalizes ? 1U : 0U,
      .reserved = 0,
  };
  arguments.state_bytes = sampler_state_bytes(arguments);
  return arguments;
}

std::size_t sampler_state_bytes(const abi::SampleArguments& arguments) {
  StateCutter cutter(0);
  cut_state(arguments, cutter);
  return cutter.end();
}

std::uint64_t resolve_seed(const SamplingOptions& options) {
  if (options.seed.has_value()) {
    return *options.seed;
  }
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | std::uint64_t{device()};
}

SamplerState sampler_state_at(const abi::SampleArguments& arguments, std::byte* state) {
  const auto address = std::bit_cast<std::uintptr_t>(state);
  MARLIN_CHECK(address % abi::kSampleStateAlignment == 0);
  StateCutter cutter(address);
  return cut_state(arguments, cutter);
}

void initialise_sampler_state(const abi::SampleArguments& arguments, const SamplingOptions& options, std::uint64_t seed,
                              std::span<std::byte> state) {
  MARLIN_CHECK(state.size() >= arguments.state_bytes && options.logit_bias.size() == arguments.n_biases);
  const SamplerState parts = sampler_state_at(arguments, state.data());
  std::construct_at(parts.header, SamplerState::Header{.random = SamplerRandom(seed), .n_seen = 0});
  std::uninitialized_copy(options.logit_bias.begin(), options.logit_bias.end(), parts.biases.begin());
  std::fill(parts.counts.begin(), parts.counts.end(), -1);
}

void observe_prompt(const abi::SampleArguments& arguments, std::span<std::byte> state,
                    std::span<const std::int32_t> tokens) {
  MARLIN_CHECK(state.size() >= arguments.state_bytes);
  const SamplerState parts = sampler_state_at(arguments, state.data());
  for (const std::int32_t token : tokens) {
    if (token < 0 || static_cast<std::uint32_t>(token) >= arguments.vocab_size) {
      fail(ErrorCode::kInvalidArgument, "the prompt holds token {}, but the vocabulary has tokens 0 to {}", token,
           arguments.vocab_size - 1);
    }
    parts.record(token, false);
  }
}

void SamplerState::record(std::int32_t token, bool generated) const {
  const auto index = static_cast<std::size_t>(token);
  if (index >= counts.size()) {
    return;
  }
  if (counts[index] < 0) {
    counts[index] = 0;
    seen[header->n_seen++] = token;
  }
  counts[index] += generated ? 1 : 0;
}

}  // namespace marlin
