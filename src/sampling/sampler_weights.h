// SPDX-License-Identifier: Apache-2.0
// The two passes of the sampler over the whole vocabulary: the largest logit, and the unnormalised probabilities. Both
// also leave one value per block of tokens so that later stages skip most blocks. Surprise: the exponential is our own,
// and all sums have a fixed order, so that results do not depend on the compiler or its math library.
#pragma once

#include <cstddef>
#include <span>

namespace marlin {

/// Tokens per block; the last block of a vocabulary may be shorter.
inline constexpr std::size_t kLogitBlock = 64;

/// Blocks that `n_tokens` tokens make.
constexpr std::size_t logit_blocks(std::size_t n_tokens) { return (n_tokens + kLogitBlock - 1) / kLogitBlock; }

struct LogitScan {
  float max;     ///< largest logit; meaningless when has_nan
  bool has_nan;  ///< some logit is NaN
};

/// `block_max` gets the largest logit of each block. `logits` must not be empty.
LogitScan scan_logits(std::span<const float> logits, std::span<float> block_max);

/// exp(x) for x <= 0 (-infinity included) with a relative error below 2^-50; 0 below -700; exactly 1 at 0.
double negative_exp(double x);

/// weights[i] = exp((logits[i] - max) * inverse_temperature); `block_mass` gets the sum of each block. Returns the sum
/// of `block_mass` in order. `max` must be finite and at least every logit.
double weigh_logits(std::span<const float> logits, double max, double inverse_temperature, std::span<double> weights,
                    std::span<double> block_mass);

}  // namespace marlin
