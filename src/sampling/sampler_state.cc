// SPDX-License-Identifier: Apache-2.0
// See sampler_state.h. The only place where options become what kernels compute with.
#include "sampling/sampler_state.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <random>
#include <type_traits>

#include "abi/sample_math.h"
#include "base/error.h"
#include "sampling/sampler_options.h"
#include "sampling/sampler_random.h"
#include "sampling/sampler_weights.h"

namespace marlin {
namespace {

static_assert(std::is_trivially_copyable_v<abi::SampleStateHeader> && std::is_trivially_copyable_v<abi::SampleBias>);

/// Hands out consecutive aligned arrays from an address on; from address 0 it only measures.
class ScratchCutter {
 public:
  explicit ScratchCutter(std::uintptr_t start) : end_(start) {}

  template <typename T>
  std::span<T> take(std::size_t count) {
    const std::uintptr_t first = end_;
    end_ += abi::sample_state_aligned(count * sizeof(T));
    return {reinterpret_cast<T*>(first), count};
  }

  [[nodiscard]] std::uintptr_t end() const { return end_; }

 private:
  std::uintptr_t end_;
};

std::uint32_t n_counted(const abi::SampleArguments& arguments) {
  return arguments.penalizes != 0 ? arguments.n_usable : 0;
}

/// Scratch only; the order here is its layout.
SamplerState cut_scratch(const abi::SampleArguments& arguments, ScratchCutter& cutter) {
  const std::size_t n = arguments.n_usable;
  const std::size_t n_blocks = logit_blocks(n);
  return {.header = nullptr,
          .biases = {},
          .counts = {},
          .seen = {},
          .cut = {.measures = cutter.take<std::uint64_t>(kCutBuckets), .narrowed = cutter.take<std::int32_t>(n)},
          .block_max = cutter.take<float>(n_blocks),
          .block_order = cutter.take<float>(n_blocks),
          .block_mass = cutter.take<std::uint64_t>(n_blocks),
          .weights = cutter.take<std::uint64_t>(n),
          .kept = cutter.take<std::int32_t>(n)};
}

/// The temperature as token_weight() wants it: a distance of 1 is log2(e) / temperature, in fixed point.
void set_temperature(double given, abi::SampleArguments& arguments) {
  // Beyond these the scale would leave the range of float.
  const double temperature = std::clamp(given, 0x1p-72, 0x1p72);
  // Where every weight is 0: the bits of the largest one, and one more.
  constexpr double kLast = abi::kWeightBits + 1;
  const double rate = std::numbers::log2e / temperature * (1U << abi::kExponentBits);
  // The factor for scale 1 brought to [kLast / 8, kLast / 4): distances up to kLast are then at most 2^30.
  const int scale_bits = std::ilogb(rate / (kLast / 8.0));
  const double factor = std::ldexp(rate, abi::kDistanceFactorBits - scale_bits);
  arguments.distance_scale = std::ldexp(1.0F, scale_bits);
  arguments.distance_factor = static_cast<std::uint32_t>(std::llround(factor));
  const std::uint64_t last = std::uint64_t{abi::kWeightBits + 1} << (abi::kExponentBits + abi::kDistanceFactorBits);
  // Up to a multiple of 64, so that it is a float.
  const std::uint64_t limit = (last / arguments.distance_factor / 64 + 1) * 64;
  arguments.distance_limit = static_cast<float>(limit);
}

/// A factor for penalized_logit(): finite, and never flushed to zero.
float settled_factor(double factor) {
  return static_cast<float>(std::clamp(factor, 0x1p-125, double{std::numeric_limits<float>::max()}));
}

}  // namespace

abi::SampleArguments make_sample_arguments(const SamplingOptions& options, std::int64_t vocab_size,
                                           std::int64_t n_usable) {
  MARLIN_CHECK(vocab_size > 0 && vocab_size <= abi::kMaxSampleTokens);
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
      .min_weight = std::max(std::uint64_t{1}, static_cast<std::uint64_t>(std::ceil(
                                                   std::ldexp(options.min_p, static_cast<int>(abi::kWeightBits))))),
      .distance_scale = 0.0F,
      .distance_limit = 0.0F,
      .distance_factor = 0,
      .top_p = options.top_p < 1.0 ? std::max(1U, static_cast<std::uint32_t>(std::ldexp(options.top_p, 32))) : 0,
      .positive_factor = settled_factor(1.0 / options.repetition_penalty),
      .negative_factor = settled_factor(options.repetition_penalty),
      .presence_penalty = abi::settled(static_cast<float>(options.presence_penalty)),
      .frequency_penalty = abi::settled(static_cast<float>(options.frequency_penalty)),
      .vocab_size = static_cast<std::uint32_t>(vocab_size),
      .n_usable = static_cast<std::uint32_t>(n),
      .n_biases = static_cast<std::uint32_t>(options.logit_bias.size()),
      .top_k = options.top_k < n ? static_cast<std::uint32_t>(options.top_k) : 0,
      .penalizes = penalizes ? 1U : 0U,
      .greedy = options.temperature == 0.0 ? 1U : 0U,
  };
  set_temperature(options.temperature, arguments);
  arguments.state_bytes = sampler_state_bytes(arguments);
  return arguments;
}

std::size_t sampler_state_bytes(const abi::SampleArguments& arguments) {
  ScratchCutter cutter(abi::sample_scratch_offset(arguments.n_biases, n_counted(arguments)));
  cut_scratch(arguments, cutter);
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
  const std::uint32_t counted = n_counted(arguments);
  ScratchCutter cutter(address + abi::sample_scratch_offset(arguments.n_biases, counted));
  SamplerState parts = cut_scratch(arguments, cutter);
  parts.header = reinterpret_cast<abi::SampleStateHeader*>(state);
  parts.biases = {reinterpret_cast<abi::SampleBias*>(state + abi::sample_biases_offset()), arguments.n_biases};
  parts.counts = {reinterpret_cast<std::int32_t*>(state + abi::sample_counts_offset(arguments.n_biases)), counted};
  parts.seen = {reinterpret_cast<std::int32_t*>(state + abi::sample_seen_offset(arguments.n_biases, counted)), counted};
  return parts;
}

void initialise_sampler_state(const abi::SampleArguments& arguments, const SamplingOptions& options, std::uint64_t seed,
                              std::span<std::byte> state) {
  MARLIN_CHECK(state.size() >= arguments.state_bytes && options.logit_bias.size() == arguments.n_biases);
  const SamplerState parts = sampler_state_at(arguments, state.data());
  std::construct_at(parts.header,
                    abi::SampleStateHeader{.random = SamplerRandom(seed).state(), .n_seen = 0, .reserved = 0});
  std::transform(options.logit_bias.begin(), options.logit_bias.end(), parts.biases.begin(), [](const LogitBias& bias) {
    return abi::SampleBias{bias.token, abi::settled(bias.bias)};
  });
  std::stable_sort(parts.biases.begin(), parts.biases.end(),
                   [](const abi::SampleBias& a, const abi::SampleBias& b) { return a.token < b.token; });
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
