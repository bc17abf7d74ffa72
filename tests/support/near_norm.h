// SPDX-License-Identifier: Apache-2.0
// The comparison every kernel is judged by: the largest error relative to the RMS of what was expected. A relative
// error per element would be meaningless where sums cancel, an absolute one where scales differ.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace marlin::test {

struct NormError {
  double error = 0;             ///< max |actual - expected| / rms(expected); infinite for any NaN or length mismatch
  std::size_t worst_index = 0;  ///< where that is
  double rms = 0;               ///< of the finite expected values
};

/// A NaN on either side is an infinite error. An infinite expected value must be met exactly and does not count in the
/// RMS. Where the RMS is zero, any difference is an infinite error.
NormError norm_error(std::span<const double> actual, std::span<const double> expected);

/// Fails the running test (and goes on) when norm_error exceeds `tolerance`; the message names `what`, the worst index
/// and both values there. Returns whether it passed.
bool expect_near_norm(std::span<const double> actual, std::span<const double> expected, double tolerance,
                      std::string_view what);
bool expect_near_norm(std::span<const float> actual, std::span<const double> expected, double tolerance,
                      std::string_view what);

/// Exact conversions of what kernels produce.
std::vector<double> to_doubles(std::span<const float> values);
std::vector<double> halves_to_doubles(std::span<const std::uint16_t> bits);
std::vector<double> bfloat16s_to_doubles(std::span<const std::uint16_t> bits);

}  // namespace marlin::test
