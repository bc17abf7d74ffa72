// SPDX-License-Identifier: Apache-2.0
// The sampler's stages written down literally: softmax, a full sort, prefixes. Slow and obvious; the sampler's tests
// compare with it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <span>
#include <vector>

#include "metal_marlin/generation_options.h"
#include "sampling/sampler_random.h"

namespace marlin::reference {

/// Not random to any standard, but the same on every platform: sums of four uniforms, scaled to about unit deviation.
inline std::vector<float> random_logits(std::size_t n, std::uint64_t seed, float scale) {
  SamplerRandom random(seed);
  std::vector<float> logits(n);
  for (float& logit : logits) {
    const double sum = random.uniform() + random.uniform() + random.uniform() + random.uniform() - 2.0;
    logit = static_cast<float>(sum * 1.7) * scale;
  }
  return logits;
}

/// As bf16 logits are: many ties.
inline std::vector<float> coarse(std::vector<float> logits) {
  for (float& logit : logits) {
    logit = std::round(logit * 8.0F) / 8.0F;
  }
  return logits;
}

inline std::vector<double> penalized(const SamplingOptions& options, std::span<const float> logits,
                                     std::span<const std::int32_t> prompt, std::span<const std::int32_t> output) {
  std::vector<double> result(logits.begin(), logits.end());
  for (const LogitBias& bias : options.logit_bias) {
    result[static_cast<std::size_t>(bias.token)] += static_cast<double>(bias.bias);
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    const auto token = static_cast<std::int32_t>(i);
    const auto n_output = std::count(output.begin(), output.end(), token);
    if (n_output > 0 || std::count(prompt.begin(), prompt.end(), token) > 0) {
      result[i] = result[i] > 0 ? result[i] / options.repetition_penalty : result[i] * options.repetition_penalty;
    }
    if (n_output > 0) {
      result[i] -= options.presence_penalty;
      result[i] -= options.frequency_penalty * static_cast<double>(n_output);
    }
  }
  return result;
}

/// The final distribution, token -> probability.
inline std::map<std::int32_t, double> distribution(const SamplingOptions& options, std::span<const double> logits) {
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](std::int32_t token) { return logits[static_cast<std::size_t>(token)]; };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return logit(a) > logit(b); });
  std::vector<double> probability;
  probability.reserve(order.size());
  for (const std::int32_t token : order) {
    probability.push_back(std::exp((logit(token) - logit(order[0])) / options.temperature));
  }
  const auto renormalize = [&] {
    const double sum = std::accumulate(probability.begin(), probability.end(), 0.0);
    for (double& p : probability) {
      p /= sum;
    }
  };
  renormalize();
  const double least = options.min_p * probability[0];
  while (probability.back() < least) {
    probability.pop_back();
  }
  renormalize();
  if (options.top_k > 0 && static_cast<std::size_t>(options.top_k) < probability.size()) {
    probability.resize(static_cast<std::size_t>(options.top_k));
  }
  renormalize();
  if (options.top_p < 1.0) {
    double before = 0.0;
    std::size_t n = 0;
    while (n < probability.size() && before < options.top_p) {
      before += probability[n++];
    }
    probability.resize(n);
  }
  renormalize();
  std::map<std::int32_t, double> result;
  for (std::size_t i = 0; i < probability.size(); ++i) {
    if (probability[i] > 0.0) {
      result[order[i]] = probability[i];
    }
  }
  return result;
}

}  // namespace marlin::reference
