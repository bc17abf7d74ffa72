// SPDX-License-Identifier: Apache-2.0
// A distribution as Prometheus has it: how many observations lie at or below each bound, and their sum.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace marlin {

/// Not thread-safe.
class Histogram {
 public:
  /// `bounds` ascend.
  explicit Histogram(std::span<const double> bounds)
      : bounds_(bounds.begin(), bounds.end()), counts_(bounds.size() + 1) {}

  void observe(double value);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double sum() const { return sum_; }

  /// Appends the series `name` with `labels` ("a=\"b\",c=\"d\"", may be empty) in the text format, without its type.
  void write(std::string_view name, std::string_view labels, std::string& out) const;

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> counts_;  // of values between the bounds
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

}  // namespace marlin
