// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/error_of.h"

namespace marlin {
namespace {

using std::chrono::milliseconds;

class ThreadPoolOf : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolOf, ::testing::Values(1, 2, 4, 8), ::testing::PrintToStringParamName());

TEST_P(ThreadPoolOf, RunsEveryThreadOncePerRun) {
  const int n_runs = 4000 / GetParam();
  ThreadPool pool(GetParam());
  ASSERT_EQ(pool.size(), GetParam());
  // not atomic: a run must be over before the next begins, and what it wrote be visible
  std::vector<int> runs(static_cast<std::size_t>(GetParam()), 0);
  for (int run = 0; run < n_runs; ++run) {
    pool.run([&](int thread) { ++runs[static_cast<std::size_t>(thread)]; });
    ASSERT_EQ(runs, std::vector<int>(runs.size(), run + 1));
  }
}

TEST_P(ThreadPoolOf, UsesThatManyThreads) {
  ThreadPool pool(GetParam());
  std::mutex mutex;
  std::set<std::thread::id> ids;
  std::thread::id first;
  pool.run([&](int thread) {
    const std::lock_guard lock(mutex);
    ids.insert(std::this_thread::get_id());
    if (thread == 0) first = std::this_thread::get_id();
  });
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(GetParam()));
  EXPECT_EQ(first, std::this_thread::get_id()) << "the caller is thread 0";
}

TEST_P(ThreadPoolOf, WakesAfterSleeping) {
  ThreadPool pool(GetParam());
  std::vector<int> runs(static_cast<std::size_t>(GetParam()), 0);
  for (int run = 0; run < 30; ++run) {
    // from no pause at all to well past the spinning, so that some wake-ups fall into the step from one to the other
    std::this_thread::sleep_for(std::chrono::microseconds(run * 100));
    pool.run([&](int thread) { ++runs[static_cast<std::size_t>(thread)]; });
    ASSERT_EQ(runs, std::vector<int>(runs.size(), run + 1));
  }
}

TEST_P(ThreadPoolOf, WaitsForTheSlowest) {
  ThreadPool pool(GetParam());
  for (int slow = 0; slow < GetParam(); ++slow) {
    bool done = false;
    pool.run([&](int thread) {
      if (thread != slow) return;
      std::this_thread::sleep_for(milliseconds(5));
      done = true;
    });
    EXPECT_TRUE(done) << "thread " << slow;
  }
}

TEST_P(ThreadPoolOf, StopsWithoutEverRunning) {
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ThreadPool(GetParam()).size(), GetParam());
}

TEST_P(ThreadPoolOf, UsesNoProcessorWhenIdle) {
  ThreadPool pool(GetParam());
  pool.run([](int) {});
  std::this_thread::sleep_for(milliseconds(50));  // time to fall asleep
  const std::clock_t before = std::clock();       // of the whole process
  std::this_thread::sleep_for(milliseconds(100));
  const double busy = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(busy, 0.03);
}

// The counter that starts a run must survive its runs being counted by slow and fast threads alike.
TEST(ThreadPool, UnevenThreadsStayInStep) {
  ThreadPool pool(4);
  std::vector<int> sums(4, 0);
  for (int run = 0; run < 500; ++run) {
    pool.run([&](int thread) {
      if (thread == run % 4) std::this_thread::yield();
      sums[static_cast<std::size_t>(thread)] += run;
    });
  }
  EXPECT_EQ(sums, std::vector<int>(4, 499 * 500 / 2));
}

TEST(ThreadPool, RefusesNoThreads) {
  EXPECT_EQ(test::error_of([] { ThreadPool pool(0); }).code(), ErrorCode::kInternal);
}

TEST(UsableProcessors, IsAtLeastOne) {
  EXPECT_GE(usable_processors(), 1);
  EXPECT_LE(usable_processors(), 65536);
}

}  // namespace
}  // namespace marlin
