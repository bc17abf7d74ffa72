// SPDX-License-Identifier: Apache-2.0
#include "sampling/log_probabilities.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "sampling/exp_sum.h"
#include "sampling/sampler_weights.h"

namespace marlin {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A row of logits as the distribution that they stand for.
class Distribution {
 public:
  explicit Distribution(std::span<const float> logits) : logits_(logits), block_max_(logit_blocks(logits.size())) {
    MARLIN_CHECK(!logits.empty());
    const LogitScan scan = scan_logits(logits, block_max_);
    if (scan.has_nan) fail(ErrorCode::kDevice, "a logit is not a number");
    if (scan.max == -kInfinity) fail(ErrorCode::kDevice, "every logit is minus infinity: no token is possible");
    max_ = scan.max;
    log_sum_ = std::log(std::isinf(max_) ? static_cast<double>(std::count(logits.begin(), logits.end(), scan.max))
                                         : exp_sum(logits, scan.max));
  }

  [[nodiscard]] TokenLogProbability of(std::int32_t token) const {
    MARLIN_CHECK(token >= 0 && static_cast<std::size_t>(token) < logits_.size());
    const double logit = logits_[static_cast<std::size_t>(token)];
    if (std::isinf(max_)) return {token, logit == max_ ? -log_sum_ : -kInfinity};
    return {token, std::min(logit - max_ - log_sum_, 0.0)};
  }

  /// The most probable first, of equals the lowest id first.
  [[nodiscard]] std::vector<TokenLogProbability> top(std::size_t n) const {
    std::vector<std::int32_t> best;  // a heap, the least of them in front
    const auto logit_of = [&](std::int32_t token) { return logits_[static_cast<std::size_t>(token)]; };
    const auto is_better = [&](std::int32_t a, std::int32_t b) {
      return logit_of(a) != logit_of(b) ? logit_of(a) > logit_of(b) : a < b;
    };
    const auto add = [&](std::int32_t token) {
      if (best.size() == n) {
        if (!is_better(token, best.front())) return;
        std::pop_heap(best.begin(), best.end(), is_better);
        best.pop_back();
      }
      best.push_back(token);
      std::push_heap(best.begin(), best.end(), is_better);
    };
    for (std::size_t block = 0; block < block_max_.size() && n > 0; ++block) {
      if (best.size() == n && block_max_[block] <= logit_of(best.front())) continue;
      const std::size_t end = std::min((block + 1) * kLogitBlock, logits_.size());
      for (std::size_t i = block * kLogitBlock; i < end; ++i) add(static_cast<std::int32_t>(i));
    }
    std::sort_heap(best.begin(), best.end(), is_better);
    std::vector<TokenLogProbability> result;
    result.reserve(best.size());
    for (const std::int32_t token : best) result.push_back(of(token));
    return result;
  }

 private:
  std::span<const float> logits_;
  std::vector<float> block_max_;
  double max_ = 0.0;
  double log_sum_ = 0.0;  // of exp(logit - max), or of how many logits are +infinity
};

}  // namespace

double log_probability(std::span<const float> logits, std::int32_t token) {
  return Distribution(logits).of(token).log_probability;
}

LogProbabilities log_probabilities(std::span<const float> logits, std::int32_t chosen, std::size_t n_top) {
  const Distribution distribution(logits);
  return {.chosen = distribution.of(chosen), .top = distribution.top(n_top)};
}

}  // namespace marlin
