// SPDX-License-Identifier: Apache-2.0
// See sampler.h. One choice: select() leaves the kept tokens and their weights in the scratch members, draw() inverts
// the cumulative sum over them in order of ids. All buffers are made in the constructor.
#include "generation/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "base/error.h"
#include "generation/sampler_weights.h"

namespace marlin {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::size_t checked_vocab_size(std::int64_t vocab_size) {
  MARLIN_CHECK(vocab_size > 0 && vocab_size <= std::numeric_limits<std::int32_t>::max());
  return static_cast<std::size_t>(vocab_size);
}

std::size_t checked_usable(std::int64_t n_usable, std::int64_t vocab_size) {
  MARLIN_CHECK(n_usable == -1 || n_usable > 0);
  return static_cast<std::size_t>(n_usable == -1 ? vocab_size : std::min(n_usable, vocab_size));
}

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | std::uint64_t{device()};
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, std::int64_t vocab_size, std::int64_t n_usable)
    : options_(options),
      vocab_size_(checked_vocab_size(vocab_size)),
      n_usable_(checked_usable(n_usable, vocab_size)),
      seed_(options.seed.has_value() ? *options.seed : random_seed()),
      random_(seed_),
      // A temperature too small to invert still means "all but greedy": differences become infinite, ties stay ties.
      inverse_temperature_(std::min(1.0 / options.temperature, std::numeric_limits<double>::max())),
      cut_(n_usable_),
      block_max_(logit_blocks(n_usable_)),
      block_order_(block_max_.size()),
      block_mass_(block_max_.size()),
      weights_(n_usable_),
      kept_(n_usable_) {
  validate(options);
  for (const LogitBias& bias : options_.logit_bias) {
    if (bias.token < 0 || bias.token >= vocab_size) {
      fail(ErrorCode::kInvalidArgument, "--logit-bias names token {}, but the vocabulary has tokens 0 to {}",
           bias.token, vocab_size - 1);
    }
  }
  if (options_.repetition_penalty != 1.0 || options_.presence_penalty != 0.0 || options_.frequency_penalty != 0.0) {
    counts_.assign(n_usable_, -1);
    seen_.reserve(n_usable_);
  }
}

void Sampler::observe_prompt(std::span<const std::int32_t> tokens) {
  for (const std::int32_t token : tokens) {
    if (token < 0 || static_cast<std::size_t>(token) >= vocab_size_) {
      fail(ErrorCode::kInvalidArgument, "the prompt holds token {}, but the vocabulary has tokens 0 to {}", token,
           vocab_size_ - 1);
    }
    record(token, false);
  }
}

std::int32_t Sampler::sample(std::span<float> logits) {
  select(logits);
  const std::int32_t token = options_.temperature == 0.0 ? kept_[0] : draw();
  record(token, true);
  return token;
}

std::vector<TokenProbability> Sampler::distribution(std::span<float> logits) {
  select(logits);
  std::vector<TokenProbability> result;
  const double mass = kept_mass();
  const std::size_t n = keeps_all_ ? n_usable_ : n_kept_;
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t token = keeps_all_ ? static_cast<std::int32_t>(i) : kept_[i];
    if (const double weight = weights_[static_cast<std::size_t>(token)]; weight > 0.0) {
      result.push_back({token, weight / mass});
    }
  }
  return result;
}

void Sampler::record(std::int32_t token, bool generated) {
  const auto index = static_cast<std::size_t>(token);
  if (!penalizes() || index >= n_usable_) {
    return;
  }
  if (counts_[index] < 0) {
    counts_[index] = 0;
    seen_.push_back(token);
  }
  counts_[index] += generated ? 1 : 0;
}

void Sampler::apply_bias_and_penalties(std::span<float> logits) const {
  for (const LogitBias& bias : options_.logit_bias) {
    if (const auto index = static_cast<std::size_t>(bias.token); index < n_usable_) {
      logits[index] = bias.bias == -kInfinity ? -kInfinity : logits[index] + bias.bias;
    }
  }
  for (const std::int32_t token : seen_) {
    const auto index = static_cast<std::size_t>(token);
    double logit = logits[index];
    logit = logit > 0.0 ? logit / options_.repetition_penalty : logit * options_.repetition_penalty;
    if (counts_[index] > 0) {
      logit -= options_.presence_penalty + options_.frequency_penalty * counts_[index];
    }
    logits[index] = static_cast<float>(logit);
  }
}

// Applies every stage but the draw: fills kept_ or sets keeps_all_, and weights_ of what is kept.
void Sampler::select(std::span<float> all_logits) {
  MARLIN_CHECK(all_logits.size() == vocab_size_);
  const std::span<float> logits = all_logits.first(n_usable_);
  apply_bias_and_penalties(logits);
  const float max = scan(logits);
  keeps_all_ = false;
  if (options_.temperature == 0.0) {
    const auto greedy = static_cast<std::size_t>(std::find(logits.begin(), logits.end(), max) - logits.begin());
    kept_[0] = static_cast<std::int32_t>(greedy);
    weights_[greedy] = 1.0;
    n_kept_ = 1;
    return;
  }
  if (options_.top_k > 0 && static_cast<std::uint64_t>(options_.top_k) < n_usable_) {
    gather_top_k(logits, max);
  } else {
    gather_all(logits, max);
  }
}

// The largest logit. Logits of +infinity become the only tokens left, all equal: the limit of very large logits.
float Sampler::scan(std::span<float> logits) {
  LogitScan result = scan_logits(logits, block_max_);
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
    result = scan_logits(logits, block_max_);
  }
  return result.max;
}

// Weighs the whole vocabulary, then min-p and top-p.
void Sampler::gather_all(std::span<const float> logits, double max) {
  const double total = weigh_logits(logits, max, inverse_temperature_, weights_, block_mass_);
  const bool has_min_p = options_.min_p > 0.0;
  const bool has_top_p = options_.top_p < 1.0;
  if (!has_min_p && !has_top_p) {
    keeps_all_ = true;
    return;
  }
  // The largest weight is 1, so min-p is a bound on weights as they are. For top-p alone: all tokens below this bound
  // together weigh less than the 1 - top_p that may be left out, so none of them is in the nucleus.
  const double prune = (1.0 - options_.top_p) * total / static_cast<double>(n_usable_) * (1.0 - 1e-6);
  const double bound = std::max(has_min_p ? options_.min_p : prune, std::numeric_limits<double>::min());
  n_kept_ = 0;
  for (std::size_t b = 0; b < block_mass_.size(); ++b) {
    if (block_mass_[b] < bound) {
      continue;
    }
    const std::size_t end = std::min(n_usable_, (b + 1) * kLogitBlock);
    for (std::size_t i = b * kLogitBlock; i < end; ++i) {
      kept_[n_kept_] = static_cast<std::int32_t>(i);  // overwritten unless counted: no branch to mispredict
      n_kept_ += weights_[i] >= bound ? 1 : 0;
    }
  }
  if (has_top_p) {
    keep_top_p(logits, has_min_p ? kept_mass() : total);
  }
}

// top-k by logits, then weights, min-p and top-p of the few tokens left.
void Sampler::gather_top_k(std::span<const float> logits, double max) {
  const auto k = static_cast<std::size_t>(options_.top_k);
  float bound = -std::numeric_limits<float>::max();
  if (k <= block_max_.size()) {
    // The k best blocks hold k logits at least as large as the k-th best block maximum.
    std::copy(block_max_.begin(), block_max_.end(), block_order_.begin());
    const auto kth = block_order_.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(block_order_.begin(), kth, block_order_.end(), std::greater<>());
    bound = std::max(bound, *kth);
  }
  n_kept_ = 0;
  for (std::size_t b = 0; b < block_max_.size(); ++b) {
    if (block_max_[b] < bound) {
      continue;
    }
    const std::size_t end = std::min(n_usable_, (b + 1) * kLogitBlock);
    for (std::size_t i = b * kLogitBlock; i < end; ++i) {
      kept_[n_kept_] = static_cast<std::int32_t>(i);
      n_kept_ += logits[i] >= bound ? 1 : 0;
    }
  }
  const std::span<const std::int32_t> candidates = std::span<const std::int32_t>(kept_).first(n_kept_);
  const TokenRank last = cut_.find(candidates, logits, nullptr, static_cast<double>(std::min(k, n_kept_)));
  const double min_weight = std::max(options_.min_p, std::numeric_limits<double>::min());
  std::size_t n = 0;
  for (const std::int32_t token : candidates) {
    const auto index = static_cast<std::size_t>(token);
    if (rank_of(logits[index], token) > last) {
      continue;
    }
    weights_[index] = negative_exp((static_cast<double>(logits[index]) - max) * inverse_temperature_);
    kept_[n] = token;
    n += weights_[index] >= min_weight ? 1 : 0;
  }
  n_kept_ = n;
  if (options_.top_p < 1.0) {
    keep_top_p(logits, kept_mass());
  }
}

// Narrows kept_ to the nucleus; `mass` is the sum of weights that top_p is a share of.
void Sampler::keep_top_p(std::span<const float> logits, double mass) {
  const std::span<const std::int32_t> candidates = std::span<const std::int32_t>(kept_).first(n_kept_);
  // A product that underflows would ask for nothing; the smallest target keeps the best token.
  const double target = std::max(options_.top_p * mass, std::numeric_limits<double>::min());
  const TokenRank last = cut_.find(candidates, logits, weights_.data(), target);
  std::size_t n = 0;
  for (const std::int32_t token : candidates) {
    kept_[n] = token;
    n += rank_of(logits[static_cast<std::size_t>(token)], token) <= last ? 1 : 0;
  }
  n_kept_ = n;
}

double Sampler::kept_mass() const {
  double mass = 0.0;
  if (keeps_all_) {
    for (const double block : block_mass_) {
      mass += block;
    }
    return mass;
  }
  for (std::size_t i = 0; i < n_kept_; ++i) {
    mass += weights_[static_cast<std::size_t>(kept_[i])];
  }
  return mass;
}

std::int32_t Sampler::draw() {
  const double target = random_.uniform() * kept_mass();
  if (keeps_all_) {
    return draw_from_all(target);
  }
  double mass = 0.0;
  for (std::size_t i = 0; i < n_kept_; ++i) {
    mass += weights_[static_cast<std::size_t>(kept_[i])];
    if (mass > target) {
      return kept_[i];
    }
  }
  return kept_[n_kept_ - 1];
}

std::int32_t Sampler::draw_from_all(double target) const {
  double mass = 0.0;
  std::size_t block = 0;
  while (block + 1 < block_mass_.size() && mass + block_mass_[block] <= target) {
    mass += block_mass_[block];
    ++block;
  }
  const std::size_t end = std::min(n_usable_, (block + 1) * kLogitBlock);
  std::size_t chosen = block * kLogitBlock;
  // Rounding may leave the target just above the block's sum: then its last token that can be drawn at all.
  for (std::size_t i = chosen; i < end && mass <= target; ++i) {
    if (weights_[i] > 0.0) {
      mass += weights_[i];
      chosen = i;
    }
  }
  return static_cast<std::int32_t>(chosen);
}

}  // namespace marlin
