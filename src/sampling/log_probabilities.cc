// SPDX-License-Identifier: Apache-2.0
#include "sampling/log_probabilities.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace marlin {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// log(sum of exp(logit)), or the log of how many are +infinity.
double log_mass(std::span<const float> logits, double max) {
  if (std::isinf(max)) return std::log(static_cast<double>(std::count(logits.begin(), logits.end(), kInfinity)));
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(logit - max);
  return max + std::log(sum);
}

}  // namespace

LogProbabilities log_probabilities(std::span<const float> logits, std::int32_t chosen, std::size_t n_top) {
  MARLIN_CHECK(chosen >= 0 && static_cast<std::size_t>(chosen) < logits.size());
  const auto max = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  MARLIN_CHECK(max > -kInfinity);  // no token could have been chosen
  const double mass = log_mass(logits, max);
  const auto of = [&](std::int32_t token) {
    const double logit = logits[static_cast<std::size_t>(token)];
    if (std::isinf(max)) return TokenLogProbability{token, logit == max ? -mass : -kInfinity};
    return TokenLogProbability{token, std::min(logit - mass, 0.0)};
  };
  std::vector<std::int32_t> best;  // a heap, the least of them in front
  const auto is_better = [&](std::int32_t a, std::int32_t b) {
    const float x = logits[static_cast<std::size_t>(a)];
    const float y = logits[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  };
  for (std::size_t i = 0; i < logits.size() && n_top > 0; ++i) {
    const auto token = static_cast<std::int32_t>(i);
    if (best.size() == n_top) {
      if (!is_better(token, best.front())) continue;
      std::pop_heap(best.begin(), best.end(), is_better);
      best.pop_back();
    }
    best.push_back(token);
    std::push_heap(best.begin(), best.end(), is_better);
  }
  std::sort_heap(best.begin(), best.end(), is_better);
  LogProbabilities result{.chosen = of(chosen), .top = {}};
  for (const std::int32_t token : best) result.top.push_back(of(token));
  return result;
}

}  // namespace marlin
