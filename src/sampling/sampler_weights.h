// SPDX-License-Identifier: Apache-2.0
// The two passes of the sampler over the whole vocabulary: the largest logit, and the unnormalised probabilities. Both
// also leave one value per block of tokens so that later stages skip most blocks. What is computed is that of
// src/abi/sample_math.h, here for many tokens at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "abi/sample.h"

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

/// weights[i] = token_weight() of logits[i]; `block_mass` gets the sum of each block. Returns the sum of `block_mass`.
/// `max` must be finite and at least every logit.
std::uint64_t weigh_logits(const abi::SampleArguments& arguments, std::span<const float> logits, float max,
                           std::span<std::uint64_t> weights, std::span<std::uint64_t> block_mass);

}  // namespace marlin
