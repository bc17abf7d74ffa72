// SPDX-License-Identifier: Apache-2.0
#include "tests/support/near_norm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "base/half.h"

namespace marlin::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double finite_rms(std::span<const double> values) {
  // scaled by the largest magnitude: squares of huge and subnormal values stay in range
  double largest = 0;
  for (const double v : values) largest = std::isfinite(v) ? std::max(largest, std::fabs(v)) : largest;
  if (largest == 0) return 0;
  double sum = 0;
  std::size_t count = 0;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    sum += (v / largest) * (v / largest);
    ++count;
  }
  return largest * std::sqrt(sum / static_cast<double>(count));
}

double error_of(double actual, double expected, double rms) {
  if (actual == expected) return 0;
  const double difference = std::fabs(actual - expected);  // a NaN on either side is one here too
  return rms > 0 && std::isfinite(difference) ? difference / rms : kInfinity;
}

}  // namespace

NormError norm_error(std::span<const double> actual, std::span<const double> expected) {
  NormError result;
  result.rms = finite_rms(expected);
  if (actual.size() != expected.size()) {
    result.error = kInfinity;
    result.worst_index = std::min(actual.size(), expected.size());
    return result;
  }
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double error = error_of(actual[i], expected[i], result.rms);
    if (error > result.error) {
      result.error = error;
      result.worst_index = i;
    }
  }
  return result;
}

bool expect_near_norm(std::span<const double> actual, std::span<const double> expected, double tolerance,
                      std::string_view what) {
  if (actual.size() != expected.size()) {
    ADD_FAILURE() << fmt::format("{}: {} values instead of {}", what, actual.size(), expected.size());
    return false;
  }
  const NormError result = norm_error(actual, expected);
  if (result.error <= tolerance) return true;
  ADD_FAILURE() << fmt::format(
      "{}: error {:.3g} of the RMS {:.3g} exceeds {:.3g}; worst at index {} of {}: {:.9g} instead of {:.9g}", what,
      result.error, result.rms, tolerance, result.worst_index, actual.size(), actual[result.worst_index],
      expected[result.worst_index]);
  return false;
}

bool expect_near_norm(std::span<const float> actual, std::span<const double> expected, double tolerance,
                      std::string_view what) {
  return expect_near_norm(std::span<const double>(to_doubles(actual)), expected, tolerance, what);
}

std::vector<double> to_doubles(std::span<const float> values) { return {values.begin(), values.end()}; }

std::vector<double> halves_to_doubles(std::span<const std::uint16_t> bits) {
  std::vector<double> values;
  values.reserve(bits.size());
  std::transform(bits.begin(), bits.end(), std::back_inserter(values), half_to_float);
  return values;
}

std::vector<double> bfloat16s_to_doubles(std::span<const std::uint16_t> bits) {
  std::vector<double> values;
  values.reserve(bits.size());
  std::transform(bits.begin(), bits.end(), std::back_inserter(values), bfloat16_to_float);
  return values;
}

}  // namespace marlin::test
