// SPDX-License-Identifier: Apache-2.0
// The batch log, line for line, the warning about too many waits, and token intervals.
#include "runtime/instruments.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tests/runtime/captured_log.h"

namespace marlin {
namespace {

using std::chrono::milliseconds;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::string contents(std::FILE* file) {
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text.push_back(static_cast<char>(c));
  return text;
}

BatchTimes times() {
  const Clock::time_point zero;
  BatchTimes times;
  times.prepared = zero + milliseconds(1);
  times.encoded = zero + milliseconds(3);
  times.committed = times.submitted = zero + milliseconds(4);
  times.began = zero + milliseconds(10);
  times.ended = zero + milliseconds(25);
  times.completed = zero + milliseconds(26);
  return times;
}

TEST(BatchLog, SaysWhatHappensToABatch) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::tmpfile());
  Instruments instruments(file.get());
  instruments.batch_started(7);
  instruments.dispatched("rms_norm_f32", 8, Stage::kNorm);
  instruments.dispatched("moe_down_decode_f32", 8, Stage::kExperts);
  instruments.batch_committed(7, "layers 8-15", {2, 4096}, times(), milliseconds(1));
  instruments.batch_completed(7, "layers 8-15", {8, 15, Stage::kNorm}, times(), false);
  instruments.batch_completed(8, "layers 16-23", {16, 23, Stage::kNorm}, times(), true);
  EXPECT_EQ(contents(file.get()),
            "BATCH START: id=7\n"
            "DISPATCH: rms_norm_f32, layer 8, norms\n"
            "DISPATCH: moe_down_decode_f32, layer 8, experts\n"
            "BATCH COMMIT: id=7, dispatches=2, layers 8-15, prepare 2.000 ms, encode 1.000 ms\n"
            "BATCH COMPLETED: id=7, layers 8-15, queued 6.000 ms, executed 15.000 ms\n"
            "BATCH FAILED: id=8, layers 16-23, queued 6.000 ms, executed 15.000 ms\n");
}

TEST(Counting, AddsUp) {
  Instruments instruments(nullptr);
  for (int i = 0; i < 2; ++i) {
    instruments.batch_committed(1, "layers 0-7", {3, 500}, times(), milliseconds(1));
    instruments.batch_completed(1, "layers 0-7", {}, times(), false);
    instruments.leased(i == 0);
    instruments.forward_encoded();
  }
  instruments.waited(milliseconds(5), CallSite::current());
  const Counters counters = instruments.counters();
  EXPECT_EQ(counters.commits, 2U);
  EXPECT_EQ(counters.dispatches, 6U);
  EXPECT_EQ(counters.bytes_bound, 1000U);
  EXPECT_EQ(counters.forwards, 2U);
  EXPECT_EQ(counters.waits, 1U);
  EXPECT_EQ(counters.pool_hits, 1U);
  EXPECT_EQ(counters.pool_misses, 1U);
  EXPECT_DOUBLE_EQ(counters.encode_seconds, 0.006);
  EXPECT_DOUBLE_EQ(counters.overlap_seconds, 0.002);
  EXPECT_DOUBLE_EQ(counters.device_seconds, 0.030);
  EXPECT_DOUBLE_EQ(counters.blocked_seconds, 0.005);
  EXPECT_EQ((counters - counters).dispatches, 0U);
}

TEST(SyncStorm, IsNamedWithItsCallSiteOnce) {
  Instruments instruments(nullptr);
  test::CapturedLog log;
  instruments.token_seen(milliseconds(0));
  for (int token = 0; token < 3; ++token) {
    instruments.waited(milliseconds(1), CallSite::current());
    instruments.token_seen(milliseconds(10));
  }
  EXPECT_TRUE(log.take().empty()) << "one wait per token is as it should be";
  for (int token = 0; token < 3; ++token) {
    for (int i = 0; i < 4; ++i) instruments.waited(milliseconds(1), CallSite::current());
    instruments.token_seen(milliseconds(10));
  }
  const std::vector<std::string> lines = log.take();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("waited 4 times for one token"), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find("instruments_test.cc"), std::string::npos) << lines[0];
  EXPECT_EQ(lines[0].find("waited", lines[0].find("waited") + 1), std::string::npos) << lines[0];
}

TEST(TokenInterval, PercentilesOfTheMostRecent) {
  Instruments instruments(nullptr);
  EXPECT_EQ(instruments.token_intervals().p50, 0);
  for (int i = 1; i <= 100; ++i) instruments.token_seen(milliseconds(i));
  const TokenIntervals intervals = instruments.token_intervals();
  EXPECT_NEAR(intervals.p50, 0.050, 0.0011);
  EXPECT_NEAR(intervals.p95, 0.095, 0.0011);
  EXPECT_NEAR(intervals.p99, 0.099, 0.0011);
  for (int i = 0; i < 2000; ++i) instruments.token_seen(milliseconds(7));
  EXPECT_NEAR(instruments.token_intervals().p99, 0.007, 1e-6);
}

}  // namespace
}  // namespace marlin
