// SPDX-License-Identifier: Apache-2.0
// See token_chooser.h. One choice: select() leaves the kept tokens and their weights in the state's scratch, draw()
// inverts the cumulative sum over them in order of ids.
#include "sampling/token_chooser.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "abi/sample_math.h"
#include "base/error.h"
#include "sampling/sampler_weights.h"

namespace marlin {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

TokenChooser::TokenChooser(const abi::SampleArguments& arguments, std::byte* state)
    : args_(arguments), state_(sampler_state_at(arguments, state)), n_usable_(arguments.n_usable) {}

std::int32_t TokenChooser::sample(std::span<float> logits) {
  select(logits);
  const std::int32_t token = args_.greedy != 0 ? state_.kept[0] : draw();
  state_.record(token, true);
  return token;
}

std::vector<TokenProbability> TokenChooser::distribution(std::span<float> logits) {
  select(logits);
  std::vector<TokenProbability> result;
  const auto mass = static_cast<double>(kept_mass());
  const std::size_t n = keeps_all_ ? n_usable_ : n_kept_;
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t token = keeps_all_ ? static_cast<std::int32_t>(i) : state_.kept[i];
    if (const std::uint64_t weight = state_.weights[static_cast<std::size_t>(token)]; weight > 0) {
      result.push_back({token, static_cast<double>(weight) / mass});
    }
  }
  return result;
}

void TokenChooser::apply_bias_and_penalties(std::span<float> logits) const {
  for (const abi::SampleBias& bias : state_.biases) {
    if (const auto index = static_cast<std::size_t>(bias.token); index < n_usable_) {
      logits[index] = abi::biased_logit(logits[index], bias.bias);
    }
  }
  for (const std::int32_t token : state_.seen.first(state_.header->n_seen)) {
    const auto index = static_cast<std::size_t>(token);
    logits[index] = abi::penalized_logit(logits[index], state_.counts[index], args_.positive_factor,
                                         args_.negative_factor, args_.presence_penalty, args_.frequency_penalty);
  }
}

// Applies every stage but the draw: fills `kept` or sets keeps_all_, and weighs what is kept.
void TokenChooser::select(std::span<float> all_logits) {
  MARLIN_CHECK(all_logits.size() == args_.vocab_size);
  const std::span<float> logits = all_logits.first(n_usable_);
  apply_bias_and_penalties(logits);
  const float max = scan(logits);
  keeps_all_ = false;
  if (args_.greedy != 0) {
    const auto greedy = static_cast<std::size_t>(std::find(logits.begin(), logits.end(), max) - logits.begin());
    state_.kept[0] = static_cast<std::int32_t>(greedy);
    state_.weights[greedy] = 1;
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
void TokenChooser::gather_all(std::span<const float> logits, float max) {
  const std::uint64_t total = weigh_logits(args_, logits, max, state_.weights, state_.block_mass);
  const bool has_min_p = args_.min_weight > 1;
  const bool has_top_p = args_.top_p != 0;
  if (!has_min_p && !has_top_p) {
    keeps_all_ = true;
    return;
  }
  // For top-p alone: all tokens below this bound together weigh less than what may be left out, so none of them is in
  // the nucleus.
  const std::uint64_t prune = (total - abi::top_p_target(total, args_.top_p)) / n_usable_;
  const std::uint64_t bound = has_min_p ? args_.min_weight : std::max(std::uint64_t{1}, prune);
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
void TokenChooser::gather_top_k(std::span<const float> logits, float max) {
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
  const TokenRank last = find_cut(candidates, logits, nullptr, std::min(k, n_kept_), state_.cut);
  std::size_t n = 0;
  for (const std::int32_t token : candidates) {
    const auto index = static_cast<std::size_t>(token);
    if (rank_of(logits[index], token) > last) {
      continue;
    }
    state_.weights[index] =
        abi::token_weight(max, logits[index], args_.distance_scale, args_.distance_limit, args_.distance_factor);
    state_.kept[n] = token;
    n += state_.weights[index] >= args_.min_weight ? 1 : 0;
  }
  n_kept_ = n;
  if (args_.top_p != 0) {
    keep_top_p(logits, kept_mass());
  }
}

// Narrows `kept` to the nucleus; `mass` is the sum of weights that top_p is a share of.
void TokenChooser::keep_top_p(std::span<const float> logits, std::uint64_t mass) {
  const std::span<const std::int32_t> candidates = state_.kept.first(n_kept_);
  const TokenRank last =
      find_cut(candidates, logits, state_.weights.data(), abi::top_p_target(mass, args_.top_p), state_.cut);
  std::size_t n = 0;
  for (const std::int32_t token : candidates) {
    state_.kept[n] = token;
    n += rank_of(logits[static_cast<std::size_t>(token)], token) <= last ? 1 : 0;
  }
  n_kept_ = n;
}

std::uint64_t TokenChooser::kept_mass() const {
  std::uint64_t mass = 0;
  if (keeps_all_) {
    for (const std::uint64_t block : state_.block_mass) {
      mass += block;
    }
    return mass;
  }
  for (std::size_t i = 0; i < n_kept_; ++i) {
    mass += state_.weights[static_cast<std::size_t>(state_.kept[i])];
  }
  return mass;
}

// The first token, in order of ids, at which the sum of weights passes a random number below their total.
std::int32_t TokenChooser::draw() const {
  std::uint64_t& random = state_.header->random;
  random = abi::next_random(random);
  const std::uint64_t target = abi::random_below(abi::random_bits_of(random), kept_mass());
  if (keeps_all_) {
    return draw_from_all(target);
  }
  std::uint64_t mass = 0;
  std::size_t i = 0;
  while ((mass += state_.weights[static_cast<std::size_t>(state_.kept[i])]) <= target) {
    ++i;
  }
  return state_.kept[i];
}

std::int32_t TokenChooser::draw_from_all(std::uint64_t target) const {
  std::uint64_t mass = 0;
  std::size_t block = 0;
  while (mass + state_.block_mass[block] <= target) {
    mass += state_.block_mass[block++];
  }
  std::size_t i = block * kLogitBlock;
  while ((mass += state_.weights[i]) <= target) {
    ++i;
  }
  return static_cast<std::int32_t>(i);
}

}  // namespace marlin
