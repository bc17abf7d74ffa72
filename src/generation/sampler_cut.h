// SPDX-License-Identifier: Apache-2.0
// Where top-k and top-p end. Both keep a prefix of the tokens in one order: largest logit first, lowest id first among
// equals. The end of the prefix is found by histograms over the bits of the logits, in linear time and without sorting,
// at most three rounds however the logits lie. Used by the sampler only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace marlin {

/// Place of a token in the order, smaller comes first: 32 bits made of the logit above the token's id.
using TokenRank = std::uint64_t;

/// `logit` must not be NaN. Zeros of both signs are equal.
TokenRank rank_of(float logit, std::int32_t token);

class CutFinder {
 public:
  /// Room for `n_tokens` candidates; find() allocates nothing.
  explicit CutFinder(std::size_t n_tokens) : narrowed_(n_tokens) {}

  /// The last token of the shortest prefix of `tokens` whose measures add up to `target` or more (the last of all
  /// tokens when none does). A token's measure is weights[token], or 1 without weights. `tokens` holds indices into
  /// `logits`, ascending, at least one and at most n_tokens; `target` > 0.
  TokenRank find(std::span<const std::int32_t> tokens, std::span<const float> logits, const double* weights,
                 double target);

 private:
  // Digits of this many bits are told apart per round.
  static constexpr int kDigitBits = 11;

  std::array<double, std::size_t{1} << kDigitBits> measures_{};
  std::vector<std::int32_t> narrowed_;
};

}  // namespace marlin
