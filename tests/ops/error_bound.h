// SPDX-License-Identifier: Apache-2.0
// Element-wise comparison against a bound derived from norms and the unit roundoff of float32, for results whose
// elements have very different scales (rows of hostile values, scaled outputs). Where one scale fits all, see
// tests/support/near_norm.h.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "tests/support/reference/ops.h"

namespace marlin::test {

/// Unit roundoff of float32.
inline constexpr double kUnit = 0x1p-24;

/// A backend may flush subnormal numbers to zero: what that can change per operation.
inline constexpr double kFlush = 0x1p-126;

/// How much of |x| |w| (norms) a float32 dot product may be off, whatever its length n: where signs are mixed, a
/// partial sum of k terms is about sqrt(k / n) of |x| |w| / sqrt(n), each of n roundings errs by at most kUnit of it
/// with a random sign, so together they are near 0.4 kUnit |x| |w|. The rest is room for a single dominant term that
/// meets a dozen roundings (scales, transforms, lanes).
inline constexpr double kDotTolerance = 8 * kUnit;

/// The same relative to the sum, for n terms of one sign.
double positive_sum_tolerance(std::size_t n);

double norm(std::span<const double> values);

/// Fails the running test (and goes on) unless |actual - expected| <= bound everywhere; a NaN fails. Names the element
/// that exceeds its bound most. Returns whether it passed.
bool expect_within(std::span<const float> actual, const reference::Tensor& expected, const reference::Tensor& bound,
                   std::string_view what);

/// The same with one bound for all elements.
bool expect_within(std::span<const float> actual, const reference::Tensor& expected, double bound,
                   std::string_view what);

/// Fails the running test unless both hold the same bits.
bool expect_same_bits(std::span<const float> actual, std::span<const float> expected, std::string_view what);

}  // namespace marlin::test
