// SPDX-License-Identifier: Apache-2.0
#include "serving/load/latency_statistics.h"

#include <algorithm>
#include <numeric>

namespace marlin::load {

LatencySummary summarize(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  // In integers: 0.95 * 20 must not be rounded up to place 20.
  const auto percentile = [&](std::size_t percent) { return values[(percent * n + 99) / 100 - 1]; };
  return {.count = n,
          .mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(n),
          .p50 = percentile(50),
          .p95 = percentile(95),
          .p99 = percentile(99)};
}

}  // namespace marlin::load
