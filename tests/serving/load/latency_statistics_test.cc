// SPDX-License-Identifier: Apache-2.0
#include "serving/load/latency_statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace marlin::load {
namespace {

std::vector<double> descending(int n) {
  std::vector<double> values;
  for (int i = n; i > 0; --i) values.push_back(i);
  return values;
}

TEST(LatencyStatistics, OfNothingTheCountIsZero) { EXPECT_EQ(summarize({}).count, 0U); }

TEST(LatencyStatistics, OfOneValueAllAreThatValue) {
  const LatencySummary summary = summarize({3.5});
  EXPECT_EQ(summary.count, 1U);
  EXPECT_EQ(summary.mean, 3.5);
  EXPECT_EQ(summary.p50, 3.5);
  EXPECT_EQ(summary.p99, 3.5);
}

TEST(LatencyStatistics, PercentilesAreOfTheNearestRank) {
  const LatencySummary hundred = summarize(descending(100));
  EXPECT_EQ(hundred.mean, 50.5);
  EXPECT_EQ(hundred.p50, 50);
  EXPECT_EQ(hundred.p95, 95);
  EXPECT_EQ(hundred.p99, 99);
  const LatencySummary five = summarize(descending(5));
  EXPECT_EQ(five.p50, 3);
  EXPECT_EQ(five.p95, 5);
  const LatencySummary twenty = summarize(descending(20));
  EXPECT_EQ(twenty.p50, 10);
  EXPECT_EQ(twenty.p95, 19);
  EXPECT_EQ(twenty.p99, 20);
  EXPECT_EQ(summarize(descending(101)).p50, 51);
}

// The definition: the least value that so many percent of all values do not exceed.
TEST(LatencyStatistics, AgreesWithTheDefinition) {
  for (int n = 1; n <= 250; ++n) {
    const LatencySummary summary = summarize(descending(n));
    const auto least = [&](int percent) {
      int value = 1;
      while (value * 100 < percent * n) ++value;
      return value;
    };
    EXPECT_EQ(summary.p50, least(50)) << n;
    EXPECT_EQ(summary.p95, least(95)) << n;
    EXPECT_EQ(summary.p99, least(99)) << n;
  }
}

}  // namespace
}  // namespace marlin::load
