// SPDX-License-Identifier: Apache-2.0
// Numerals of one length are compared digit by digit: after the first digits in common, one branch keeps to the lower
// bound, one to the upper, and between them the remaining digits are free.
#include "grammar/integer_range.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "base/error.h"

namespace marlin {
namespace {

Expr digits(GrammarBuilder& builder, char first, char last) {
  ByteSet set;
  for (char c = first; c <= last; ++c) set.set(static_cast<unsigned char>(c));
  return builder.bytes(set);
}

/// Numerals from `low` to `high`, which have equally many digits. Recursion: once per digit, in at most two branches
/// that each keep to one bound only.
Expr same_length(GrammarBuilder& builder, std::string_view low, std::string_view high) {  // NOLINT(misc-no-recursion)
  if (low.empty()) return builder.literal("");
  const auto n_rest = static_cast<std::uint32_t>(low.size() - 1);
  const std::string nines(n_rest, '9');
  const std::string zeros(n_rest, '0');
  if (low.substr(1) == zeros && high.substr(1) == nines) {
    return builder.sequence(
        {digits(builder, low[0], high[0]), builder.repeat(digits(builder, '0', '9'), n_rest, n_rest)});
  }
  if (low[0] == high[0]) {
    return builder.sequence({builder.literal(low.substr(0, 1)), same_length(builder, low.substr(1), high.substr(1))});
  }
  std::vector<Expr> branches;
  branches.push_back(builder.sequence({builder.literal(low.substr(0, 1)), same_length(builder, low.substr(1), nines)}));
  if (low[0] + 1 < high[0]) {
    branches.push_back(builder.sequence({digits(builder, static_cast<char>(low[0] + 1), static_cast<char>(high[0] - 1)),
                                         builder.repeat(digits(builder, '0', '9'), n_rest, n_rest)}));
  }
  branches.push_back(
      builder.sequence({builder.literal(high.substr(0, 1)), same_length(builder, zeros, high.substr(1))}));
  return builder.choice(std::move(branches));
}

/// Numerals of the sizes from `min` to `max`.
Expr magnitudes(GrammarBuilder& builder, std::uint64_t min, std::uint64_t max) {
  std::vector<Expr> lengths;
  std::uint64_t length_max = 9;
  while (length_max < min) length_max = length_max * 10 + 9;
  while (min <= max) {
    const std::uint64_t last = std::min(max, length_max);
    lengths.push_back(same_length(builder, std::to_string(min), std::to_string(last)));
    if (last == max) break;
    min = last + 1;
    length_max = length_max * 10 + 9;
  }
  return builder.choice(std::move(lengths));
}

}  // namespace

Expr integers_between(GrammarBuilder& builder, SignedMagnitude min, SignedMagnitude max) {
  MARLIN_CHECK(min.magnitude <= kMaxMagnitude && max.magnitude <= kMaxMagnitude);
  std::vector<Expr> signs;
  if (!max.negative) signs.push_back(magnitudes(builder, min.negative ? 0 : min.magnitude, max.magnitude));
  if (min.negative) {
    const std::uint64_t least = max.negative ? std::max<std::uint64_t>(1, max.magnitude) : 1;
    signs.push_back(builder.sequence({builder.literal("-"), magnitudes(builder, least, min.magnitude)}));
  }
  return builder.choice(std::move(signs));
}

}  // namespace marlin
