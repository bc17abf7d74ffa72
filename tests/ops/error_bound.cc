// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/error_bound.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace marlin::test {

double positive_sum_tolerance(std::size_t n) { return 4 * kUnit * std::sqrt(static_cast<double>(n)); }

double norm(std::span<const double> values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return std::sqrt(sum);
}

bool expect_within(std::span<const float> actual, const reference::Tensor& expected, const reference::Tensor& bound,
                   std::string_view what) {
  if (actual.size() != expected.size() || bound.size() != expected.size()) {
    ADD_FAILURE() << fmt::format("{}: {} values and {} bounds instead of {}", what, actual.size(), bound.size(),
                                 expected.size());
    return false;
  }
  double worst = 0;
  std::size_t worst_index = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(actual[i]) - expected[i]);
    if (difference <= bound[i]) continue;  // also 0 <= 0
    const double excess =
        std::isnan(difference) || bound[i] <= 0 ? std::numeric_limits<double>::infinity() : difference / bound[i];
    if (excess > worst) {
      worst = excess;
      worst_index = i;
    }
  }
  if (worst == 0) return true;
  ADD_FAILURE() << fmt::format("{}: element {} of {} is {:.9g} instead of {:.9g}, {:.3g} times the bound {:.3g}", what,
                               worst_index, actual.size(), actual[worst_index], expected[worst_index], worst,
                               bound[worst_index]);
  return false;
}

bool expect_within(std::span<const float> actual, const reference::Tensor& expected, double bound,
                   std::string_view what) {
  return expect_within(actual, expected, reference::Tensor(expected.size(), bound), what);
}

bool expect_same_bits(std::span<const float> actual, std::span<const float> expected, std::string_view what) {
  if (actual.size() != expected.size()) {
    ADD_FAILURE() << fmt::format("{}: {} values instead of {}", what, actual.size(), expected.size());
    return false;
  }
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(actual[i]) == std::bit_cast<std::uint32_t>(expected[i])) continue;
    ADD_FAILURE() << fmt::format("{}: element {} of {} is {:.9g}, not bit for bit {:.9g}", what, i, actual.size(),
                                 actual[i], expected[i]);
    return false;
  }
  return true;
}

}  // namespace marlin::test
