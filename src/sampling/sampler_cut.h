// SPDX-License-Identifier: Apache-2.0
// Where top-k and top-p end. Both keep a prefix of the tokens in one order: largest logit first, lowest id first among
// equals. The end of the prefix is found by histograms over the bits of the logits, in linear time and without sorting,
// at most three rounds however the logits lie. Used by TokenChooser only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace marlin {

/// Place of a token in the order, smaller comes first: 32 bits made of the logit above the token's id.
using TokenRank = std::uint64_t;

/// `logit` must not be NaN. Zeros of both signs are equal.
TokenRank rank_of(float logit, std::int32_t token);

/// Buckets that one round tells apart.
inline constexpr std::size_t kCutBuckets = 2048;

/// What find_cut() works in: [kCutBuckets], and as many tokens as it is given. Contents mean nothing between calls.
struct CutScratch {
  std::span<std::uint64_t> measures;
  std::span<std::int32_t> narrowed;
};

/// The last token of the shortest prefix of `tokens` whose measures add up to `target` or more (the last of all tokens
/// when none does). A token's measure is weights[token], or 1 without weights. `tokens` holds indices into `logits`,
/// ascending, at least one; `target` > 0.
TokenRank find_cut(std::span<const std::int32_t> tokens, std::span<const float> logits, const std::uint64_t* weights,
                   std::uint64_t target, const CutScratch& scratch);

}  // namespace marlin
