// SPDX-License-Identifier: Apache-2.0
// Mean and percentiles of measured times. Percentiles are by nearest rank: of n sorted values, p % is the one at place
// ceil(p / 100 * n), counted from 1. It is always a value that was measured, never one between two.
#pragma once

#include <cstddef>
#include <vector>

namespace marlin::load {

struct LatencySummary {
  std::size_t count = 0;  ///< 0: nothing was measured, and the rest says nothing
  double mean = 0;
  double p50 = 0;
  double p95 = 0;
  double p99 = 0;
};

LatencySummary summarize(std::vector<double> values);

}  // namespace marlin::load
