// SPDX-License-Identifier: Apache-2.0
// The integers between two bounds as decimal numerals. The JSON schema compiler uses it for "integer". Surprise:
// without a bound the numerals are bounded all the same, to 19 digits, so that a number cannot go on for ever.
#pragma once

#include <cstdint>

#include "grammar/grammar_builder.h"

namespace marlin {

/// Bounds by sign and size, so that both int64 and uint64 fit.
struct SignedMagnitude {
  bool negative = false;
  std::uint64_t magnitude = 0;
};

/// The largest size there is: 19 nines.
inline constexpr std::uint64_t kMaxMagnitude = 9'999'999'999'999'999'999U;

/// All integers from `min` to `max`, both of at most kMaxMagnitude; nothing if there are none. Never "-0" or "01".
Expr integers_between(GrammarBuilder& builder, SignedMagnitude min, SignedMagnitude max);

}  // namespace marlin
