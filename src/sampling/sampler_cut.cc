// SPDX-License-Identifier: Apache-2.0
// See sampler_cut.h. A radix selection: each round finds the bucket of keys in which the target is reached and goes on
// with the tokens of that bucket alone.
#include "sampling/sampler_cut.h"

#include <algorithm>
#include <bit>

#include "abi/sample_math.h"

namespace marlin {

TokenRank rank_of(float logit, std::int32_t token) {
  return (TokenRank{abi::logit_key(logit)} << 32U) | static_cast<std::uint32_t>(token);
}

TokenRank find_cut(std::span<const std::int32_t> tokens, std::span<const float> logits, const std::uint64_t* weights,
                   std::uint64_t target, const CutScratch& scratch) {
  constexpr int kDigitBits = std::bit_width(kCutBuckets) - 1;
  const auto rank = [&](std::int32_t token) { return rank_of(logits[static_cast<std::size_t>(token)], token); };
  const auto key_of = [&](std::int32_t token) { return static_cast<std::uint32_t>(rank(token) >> 32U); };
  const auto measure_of = [&](std::int32_t token) { return weights == nullptr ? 1 : weights[token]; };
  std::span<const std::int32_t> active = tokens;
  std::uint64_t before = 0;
  for (;;) {
    std::uint32_t low = ~0U;
    std::uint32_t high = 0;
    for (const std::int32_t token : active) {
      const std::uint32_t key = key_of(token);
      low = std::min(low, key);
      high = std::max(high, key);
    }
    if (low == high) {
      break;
    }
    const int shift = std::max(0, static_cast<int>(std::bit_width(high - low)) - kDigitBits);
    const std::uint32_t last = (high - low) >> shift;
    std::fill_n(scratch.measures.begin(), last + 1, 0);
    for (const std::int32_t token : active) {
      scratch.measures[(key_of(token) - low) >> shift] += measure_of(token);
    }
    std::uint32_t bucket = 0;
    for (; bucket < last && before + scratch.measures[bucket] < target; ++bucket) {
      before += scratch.measures[bucket];
    }
    // Every token is written and only those of the bucket advance the end: no branch to mispredict. In place is safe,
    // the end never overtakes the reading.
    std::size_t n_narrowed = 0;
    for (const std::int32_t token : active) {
      scratch.narrowed[n_narrowed] = token;
      n_narrowed += (key_of(token) - low) >> shift == bucket ? 1 : 0;
    }
    active = scratch.narrowed.first(n_narrowed);
  }
  // Equal logits: in order of their ids.
  for (const std::int32_t token : active) {
    before += measure_of(token);
    if (before >= target) {
      return rank(token);
    }
  }
  return rank(active.back());
}

}  // namespace marlin
