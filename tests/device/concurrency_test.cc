// SPDX-License-Identifier: Apache-2.0
// Many threads at one device: each encodes, commits and waits on its own, as sessions do. Meant to run under the thread
// sanitizer too.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tests/device/device_test.h"

namespace marlin {
namespace {

class ConcurrencyContract : public test::DeviceTest {};
MARLIN_ON_EVERY_DEVICE(ConcurrencyContract);

TEST_P(ConcurrencyContract, ManyThreadsCommit) {
  constexpr int kThreads = 6;
  constexpr int kSteps = 500;
  std::atomic<int> completed = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      const auto a = device().allocate(64 * sizeof(float), "a");
      const auto b = device().allocate(64 * sizeof(float), "b");
      for (int step = 0; step < kSteps; ++step) {
        const auto value = static_cast<float>(thread * kSteps + step);
        std::fill_n(reinterpret_cast<float*>(a->host()), 64, value);
        const auto copy = device().create_command_buffer("step");
        ops::copy(*copy, whole(a), whole(b));
        copy->on_completed([&](const std::optional<Error>& error) { completed += error ? 0 : 1; });
        copy->commit();
        copy->wait();
        wrong += values(b) == std::vector<float>(64, value) ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto last = commands("last");  // handlers of all others have run when it has completed
  last->commit();
  last->wait();
  EXPECT_EQ(completed, kThreads * kSteps);
  EXPECT_EQ(wrong, 0);
}

// Without waiting: several in flight, dropped by their thread as soon as they are committed.
TEST_P(ConcurrencyContract, CommitAndForget) {
  constexpr int kThreads = 4;
  constexpr int kSteps = 500;
  std::atomic<int> completed = 0;
  const auto a = device().allocate(64 * sizeof(float), "a");
  const auto b = device().allocate(kThreads * 64 * sizeof(float), "b");
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      const BufferView part{b.get(), thread * 64 * sizeof(float), 64 * sizeof(float)};
      for (int step = 0; step < kSteps; ++step) {
        const auto copy = device().create_command_buffer("forgotten");
        ops::copy(*copy, whole(a), part);
        copy->on_completed([&](const std::optional<Error>& error) { completed += error ? 0 : 1; });
        copy->commit();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto last = commands("last");
  last->commit();
  last->wait();
  EXPECT_EQ(completed, kThreads * kSteps);
}

// One thread waits for, asks and listens to what another commits.
TEST_P(ConcurrencyContract, ObserversOnOtherThreads) {
  const auto a = device().allocate(64 * sizeof(float), "a");
  const auto b = device().allocate(64 * sizeof(float), "b");
  for (int i = 0; i < 200; ++i) {
    const auto watched = commands("watched");
    ops::copy(*watched, whole(a), whole(b));
    std::atomic<int> heard = 0;
    watched->commit();
    std::vector<std::thread> observers;
    observers.reserve(3);
    for (int observer = 0; observer < 3; ++observer) {
      observers.emplace_back([&] {
        watched->on_completed([&](const std::optional<Error>&) { ++heard; });
        watched->wait();
        EXPECT_EQ(watched->status(), CommandStatus::kCompleted);
      });
    }
    for (std::thread& observer : observers) observer.join();
    const auto last = commands("last");
    last->commit();
    last->wait();
    ASSERT_EQ(heard, 3);
  }
}

}  // namespace
}  // namespace marlin
