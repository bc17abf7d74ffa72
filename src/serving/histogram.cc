// SPDX-License-Identifier: Apache-2.0
#include "serving/histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace marlin {

void Histogram::observe(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  ++counts_[static_cast<std::size_t>(bucket)];
  ++count_;
  sum_ += value;
}

void Histogram::write(std::string_view name, std::string_view labels, std::string& out) const {
  const std::string_view comma = labels.empty() ? "" : ",";
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    below += counts_[i];
    fmt::format_to(std::back_inserter(out), "{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma, bounds_[i], below);
  }
  fmt::format_to(std::back_inserter(out),
                 "{0}_bucket{{{1}{2}le=\"+Inf\"}} {3}\n{0}_sum{{{1}}} {4}\n{0}_count{{{1}}} {3}\n", name, labels, comma,
                 count_, sum_);
}

}  // namespace marlin
