// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/mask_logits_cases.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "ops/mask_logits.h"
#include "ops/sample.h"
#include "sampling/sampler.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/sample_cases.h"
#include "tests/ops/sample_state.h"
#include "tests/support/random_tensor.h"

namespace marlin::test {
namespace {

using Limits = std::numeric_limits<float>;

bool allows(const std::vector<std::uint32_t>& mask, std::size_t token) {
  return (mask[token / 32] >> (token % 32) & 1U) != 0;
}

std::vector<float> logits_of_every_kind(std::size_t n) {
  constexpr float kHostile[] = {Limits::quiet_NaN(),
                                -Limits::quiet_NaN(),
                                Limits::infinity(),
                                -Limits::infinity(),
                                Limits::max(),
                                Limits::lowest(),
                                0.0F,
                                -0.0F,
                                Limits::denorm_min()};
  std::vector<float> logits = normal_tensor(n, n, 3.0);
  for (std::size_t i = 0; i < n; i += 3) logits[i] = kHostile[i / 3 % std::size(kHostile)];
  return logits;
}

/// What the mask makes of the logits, to the bit.
std::vector<std::uint32_t> expected_bits(const std::vector<float>& logits, const std::vector<std::uint32_t>& mask) {
  std::vector<std::uint32_t> bits;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    bits.push_back(std::bit_cast<std::uint32_t>(allows(mask, i) ? logits[i] : -Limits::infinity()));
  }
  return bits;
}

/// A few tokens far apart, the first and the last among them if there are so many.
std::vector<std::uint32_t> sparse_mask(std::size_t n_tokens, std::size_t n_allowed) {
  std::vector<std::uint32_t> mask((n_tokens + 31) / 32, 0);
  for (std::size_t i = 0; i < n_allowed; ++i) {
    const std::size_t token = n_allowed == 1 ? n_tokens / 2 : i * (n_tokens - 1) / (n_allowed - 1);
    mask[token / 32] |= 1U << (token % 32);
  }
  return mask;
}

void check_steps(Device& device, const SampleCase& sample_case, std::size_t n_tokens, std::size_t n_allowed) {
  SamplingOptions options = sample_case.options;
  std::erase_if(options.logit_bias, [](const LogitBias& bias) { return bias.bias == -Limits::infinity(); });
  const abi::SampleArguments arguments = make_sample_arguments(options, static_cast<std::int64_t>(n_tokens), -1);
  const SampleState state(device, arguments, options, {});
  Sampler sampler(options, static_cast<std::int64_t>(n_tokens));
  const std::vector<std::uint32_t> words = sparse_mask(n_tokens, n_allowed);
  const DeviceTensor<std::uint32_t> mask(device, words);
  for (std::uint64_t step = 0; step < 10; ++step) {
    std::vector<float> logits = normal_tensor(n_tokens, step, 4.0);
    DeviceTensor<float> on_device(device, n_tokens);
    on_device.set(logits);
    const DeviceTensor<std::int32_t> token(device, 1);
    run_on(device, [&](CommandBuffer& commands) {
      ops::mask_logits(commands, on_device.view(), mask.view());
      ops::sample(commands, arguments, on_device.view(), state.view(), token.view());
    });
    for (std::size_t i = 0; i < n_tokens; ++i) {
      if (!allows(words, i)) logits[i] = -Limits::infinity();
    }
    const std::string what = fmt::format("{}, {} of {} tokens, step {}", sample_case.name, n_allowed, n_tokens, step);
    ASSERT_TRUE(allows(words, static_cast<std::size_t>(token.values()[0]))) << what;
    ASSERT_EQ(token.values()[0], sampler.sample(logits)) << what;
  }
}

}  // namespace

const std::vector<std::size_t>& mask_sizes() {
  static const std::vector<std::size_t> sizes = {1, 2, 31, 32, 33, 63, 64, 65, 1000, 16383, 16384, 16385, 154879};
  return sizes;
}

void check_mask_logits(Device& device, std::size_t n) {
  const std::vector<float> logits = logits_of_every_kind(n);
  Random random(n);
  const auto word_of_half = [&] { return static_cast<std::uint32_t>(random.next()); };
  std::vector<std::vector<std::uint32_t>> masks(5, std::vector<std::uint32_t>((n + 31) / 32, 0));
  std::fill(masks[1].begin(), masks[1].end(), 0xFFFFFFFFU);  // with bits behind the last token
  for (std::uint32_t& word : masks[2]) word = word_of_half();
  for (std::uint32_t& word : masks[3]) word = word_of_half() & word_of_half() & word_of_half();
  masks[4][(n - 1) / 32] = 1U << ((n - 1) % 32);
  for (std::size_t i = 0; i < masks.size(); ++i) {
    const DeviceTensor<std::uint32_t> mask(device, masks[i]);
    DeviceTensor<float> on_device(device, n);
    on_device.set(logits);
    run_on(device, [&](CommandBuffer& commands) { ops::mask_logits(commands, on_device.view(), mask.view()); });
    std::vector<std::uint32_t> bits;
    for (const float logit : on_device.values()) bits.push_back(std::bit_cast<std::uint32_t>(logit));
    EXPECT_EQ(bits, expected_bits(logits, masks[i])) << n << " logits, mask " << i;
  }
}

void check_mask_then_sample(Device& device) {
  for (const SampleCase& sample_case : sample_cases()) {
    for (const std::size_t n_tokens : {70U, 1000U}) {
      for (const std::size_t n_allowed : {1U, 2U, 9U}) check_steps(device, sample_case, n_tokens, n_allowed);
    }
  }
}

}  // namespace marlin::test
