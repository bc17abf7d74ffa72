// SPDX-License-Identifier: Apache-2.0
// See token_chooser.h. One choice: select() leaves the kept tokens and their weights in the state's scratch, draw()
// inverts the cumulative sum over them in order of ids.
#include "sampling/token_chooser.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"
#include "sampling/sampler_weights.h"

namespace marlin {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

TokenChooser::TokenChooser(const abi::SampleArguments& arguments, std::byte* state)
    : args_(arguments),
      state_(sampler_state_at(arguments, state)),
      n_usable_(arguments.n_usable),
      // A temperature too small to invert still means "all but greedy": differences become infinite, ties stay ties.
      inverse_temperature_(std::min(1.0 / arguments.temperature, std::numeric_limits<double>::max())) {}

std::int32_t TokenChooser::sample(std::span<float> logits) {
  select(logits);
  const std::int32_t token = args_.temperature == 0.0 ? state_.kept[0] : draw();
  state_.record(token, true);
  return token;
}

std::vector<TokenProbability> TokenChooser::distribution(std::span<float> logits) {
  select(logits);
  std::vector<TokenProbability> result;
  const double mass = kept_mass();
  const std::size_t n = keeps_all_ ? n_usable_ : n_kept_;
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t token = keeps_all_ ? static_cast<std::int32_t>(i) : state_.kept[i];
    if (const double weight = state_.weights[static_cast<std::size_t>(token)]; weight > 0.0) {
      result.push_back({token, weight / mass});
    }
  }
  return result;
}

void TokenChooser::apply_bias_and_penalties(std::span<float> logits) const {
  for (const LogitBias& bias : state_.biases) {
    if (const auto index = static_cast<std::size_t>(bias.token); index < n_usable_) {
      logits[index] = bias.bias == -kInfinity ? -kInfinity : logits[index] + bias.bias;
    }
  }
  for (const std::int32_t token : state_.seen.first(state_.header->n_seen)) {
    const auto index = static_cast<std::size_t>(token);
    double logit = logits[index];
    logit = logit > 0.0 ? logit / args_.repetition_penalty : logit * args_.repetition_penalty;
    if (state_.counts[index] > 0) {
      logit -= args_.presence_penalty + args_.frequency_penalty * state_.counts[index];
    }
    logits[index] = static_cast<float>(logit);
  }
}

// Applies every stage but the draw: fills `kept` or sets keeps_all_, and weighs what is kept.
void TokenChooser::select(std::span<float> all_logits) {
  MARLIN_CHECK(all_logits.size() == args_.vocab_size);
  const std::span<float> logits = all_logits.first(n_usable_);
  apply_bias_and_penalties(logits);
  const float max = scan(logits);
  keeps_all_ = false;
  if (args_.temperature == 0.0) {
    const auto greedy = static_cast<std::size_t>(std::find(logits.begin(), logits.end(), max) - logits.begin());
    state_.kept[0] = static_cast<std::int32_t>(greedy);
    state_.weights[greedy] = 1.0;
    n_kept_ = 1;
    return;
  }
  if (args_.top_k > 0) {
    gather_top_k(logits, max);
  } else {
    gather_all(logits, max);
  }
}

// The largest logit. Logits of +infinity become the only tokens left, all equal: the limit of very large logits.
float TokenChooser::scan(std::span<float> logits) const {
  LogitScan result = scan_logits(logits, state_.block_max);
  if (result.has_nan) {
    const auto nan = std::find_if(logits.begin(), logits.end(), [](float x) { return std::isnan(x); });
    fail(ErrorCode::kDevice, "logits are not finite: the logit of token {} is NaN; the weights or a kernel are broken",
         nan - logits.begin());
  }
  if (result.max == -kInfinity) {
    fail(ErrorCode::kDevice,
         "logits are not finite: all are -infinity, no token is left to choose; check the logit bias and the weights");
  }
  if (result.max == kInfinity) {
    std::transform(logits.begin(), logits.end(), logits.begin(),
                   [](float x) { return x == kInfinity ? 0.0F : -kInfinity; });
    result = scan_logits(logits, state_.block_max);
  }
  return result.max;
}

// Weighs the whole vocabulary, then min-p and top-p.
void TokenChooser::gather_all(std::span<const float> logits, double max) {
  const double total = weigh_logits(logits, max, inverse_temperature_, state_.weights, state_.block_mass);
  const bool has_min_p = args_.min_p > 0.0;
  const bool has_top_p = args_.top_p < 1.0;
  if (!has_min_p && !has_top_p) {
    keeps_all_ = true;
    return;
  }
  // The largest weight is 1, so min-p is a bound on weights as they are. For top-p alone: all tokens below this bound
  // together weigh less than the 1 - top_p that may be left out, so none of them is in the nucleus.
  const double prune = (1.0 - args_.top_p) * total / static_cast<double>(n_usable_) * (1.0 - 1e-6);
  const double bound = std::max(has_min_p ? args_.min_p : prune, std::numeric_limits<double>::min());
  n_kept_ = 0;
  for (std::size_t b = 0; b < state_.block_mass.size(); ++b) {
    if (state_.block_mass[b] < bound) {
      continue;
    }
    const std::size_t end = std::min(n_usable_, (b + 1) * kLogitBlock);
    for (std::size_t i = b * kLogitBlock; i < end; ++i) {
      state_.kept[n_kept_] = static_cast<std::int32_t>(i);  // overwritten unless counted: no branch to mispredict
      n_kept_ += state_.weights[i] >= bound ? 1 : 0;
    }
  }
  if (has_top_p) {
    keep_top_p(logits, has_min_p ? kept_mass() : total);
  }
}

// top-k by logits, then weights, min-p and top-p of the few tokens left.
void TokenChooser::gather_top_k(std::span<const float> logits, double max) {
  const std::size_t k = args_.top_k;
  float bound = -std::numeric_limits<float>::max();
  if (k <= state_.block_max.size()) {
    // The k best blocks hold k logits at least as large as the k-th best block maximum.
    std::copy(state_.block_max.begin(), state_.block_max.end(), state_.block_order.begin());
    const auto kth = state_.block_order.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(state_.block_order.begin(), kth, state_.block_order.end(), std::greater<>());
    bound = std::max(bound, *kth);
  }
  n_kept_ = 0;
  for (std::size_t b = 0; b < state_.block_max.size(); ++b) {
    if (state_.block_max[b] < bound) {
      continue;
    }
    const std::size_t end = std::min(n_usable_, (b + 1) * kLogitBlock);
    for (std::size_t i = b * kLogitBlock; i < end; ++i) {
      state_.kept[n_kept_] = static_cast<std::int32_t>(i);
      n_kept_ += logits[i] >= bound ? 1 : 0;
    }
  }
  const std::span<const std::int32_t> candidates = state_.kept.first(n_kept_);
  const TokenRank last = find_cut(candidates, logits, nullptr, static_cast<double>(std::min(k, n_kept_)), state_.cut);
  const double min_weight = std::max(args_.min_p, std::numeric_limits<double>::min());
  std::size_t n = 0;
  for (const std::int32_t token : candidates) {
    const auto index = static_cast<std::size_t>(token);
    if (rank_of(logits[index], token) > last) {
      continue;
    }
    state_.weights[index] = negative_exp((static_cast<double>(logits[index]) - max) * inverse_temperature_);
    state_.kept[n] = token;
    n += state_.weights[index] >= min_weight ? 1 : 0;
  }
  n_kept_ = n;
  if (args_.top_p < 1.0) {
    keep_top_p(logits, kept_mass());
  }
}

// Narrows `kept` to the nucleus; `mass` is the sum of weights that top_p is a share of.
void TokenChooser::keep_top_p(std::span<const float> logits, double mass) {
  const std::span<const std::int32_t> candidates = state_.kept.first(n_kept_);
  // A product that underflows would ask for nothing; the smallest target keeps the best token.
  const double target = std::max(args_.top_p * mass, std::numeric_limits<double>::min());
  const TokenRank last = find_cut(candidates, logits, state_.weights.data(), target, state_.cut);
  std::size_t n = 0;
  for (const std::int32_t token : candidates) {
    state_.kept[n] = token;
    n += rank_of(logits[static_cast<std::size_t>(token)], token) <= last ? 1 : 0;
  }
  n_kept_ = n;
}

double TokenChooser::kept_mass() const {
  double mass = 0.0;
  if (keeps_all_) {
    for (const double block : state_.block_mass) {
      mass += block;
    }
    return mass;
  }
  for (std::size_t i = 0; i < n_kept_; ++i) {
    mass += state_.weights[static_cast<std::size_t>(state_.kept[i])];
  }
  return mass;
}

std::int32_t TokenChooser::draw() const {
  const double target = state_.header->random.uniform() * kept_mass();
  if (keeps_all_) {
    return draw_from_all(target);
  }
  double mass = 0.0;
  for (std::size_t i = 0; i < n_kept_; ++i) {
    mass += state_.weights[static_cast<std::size_t>(state_.kept[i])];
    if (mass > target) {
      return state_.kept[i];
    }
  }
  return state_.kept[n_kept_ - 1];
}

std::int32_t TokenChooser::draw_from_all(double target) const {
  double mass = 0.0;
  std::size_t block = 0;
  while (block + 1 < state_.block_mass.size() && mass + state_.block_mass[block] <= target) {
    mass += state_.block_mass[block];
    ++block;
  }
  const std::size_t end = std::min(n_usable_, (block + 1) * kLogitBlock);
  std::size_t chosen = block * kLogitBlock;
  // Rounding may leave the target just above the block's sum: then its last token that can be drawn at all.
  for (std::size_t i = chosen; i < end && mass <= target; ++i) {
    if (state_.weights[i] > 0.0) {
      mass += state_.weights[i];
      chosen = i;
    }
  }
  return static_cast<std::int32_t>(chosen);
}

}  // namespace marlin
