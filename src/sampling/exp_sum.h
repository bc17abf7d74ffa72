// SPDX-License-Identifier: Apache-2.0
// The denominator of softmax over a whole vocabulary, for many tokens at a time; log_probabilities.cc uses it.
// Exponentials are float, sums double: the logarithm is off by less than 1e-6, whatever the logits.
#pragma once

#include <span>

namespace marlin {

/// The sum of exp(logit - max). `max` is finite, and the largest logit; none is NaN.
double exp_sum(std::span<const float> logits, float max);

}  // namespace marlin
