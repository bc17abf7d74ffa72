// SPDX-License-Identifier: Apache-2.0
// 100,000 command buffers with callbacks registered before, during and after completion, from the committing thread and
// from another. Meant for the thread sanitizer: no lost wake-up, no callback lost or called twice, order kept.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "tests/runtime/runtime_test.h"

namespace marlin {
namespace {

// Metal in software takes its time over a dispatch: there it is 5,000 command buffers and 300 managers.
class Stress : public test::RuntimeTest {
 protected:
  static bool is_slow() { return GetParam() != "cpu"; }
};
MARLIN_ON_EVERY_STAND_IN(Stress);

TEST_P(Stress, CallbacksOfAHundredThousandCommandBuffers) {
  const BatchId n_batches = is_slow() ? 5000 : 100000;
  create({});
  std::atomic<BatchId> committed = 0;
  std::atomic<BatchId> called = 0;       // by callbacks of the committing thread
  std::atomic<BatchId> late_called = 0;  // by those of the other
  std::atomic<bool> right = true;

  std::thread other([&] {  // registers for whatever has just been committed: before, during or after its end
    for (BatchId id = 1; id <= n_batches; ++id) {
      while (committed.load(std::memory_order_acquire) < id) std::this_thread::yield();
      manager().on_completed(id, [&](BatchId, const std::optional<Error>&) { ++late_called; });
    }
  });
  std::mt19937 random(1);
  for (BatchId i = 1; i <= n_batches; ++i) {
    const BatchId id = commit_one();
    committed.store(id, std::memory_order_release);
    manager().on_completed(id, [&, id](BatchId ended, const std::optional<Error>& error) {
      if (ended != id || error) right = false;
      ++called;
    });
    if (random() % 64 == 0) manager().wait(id - random() % std::min<BatchId>(id, 8));
  }
  other.join();
  manager().wait(n_batches);
  EXPECT_EQ(called, n_batches);
  EXPECT_EQ(late_called, n_batches);
  EXPECT_TRUE(right);
}

TEST_P(Stress, ManagersComeAndGoWithWorkInFlight) {
  const int n_managers = is_slow() ? 300 : 2000;
  const auto stand_in = test::create_stand_in(GetParam(), {.n_threads = 2}, {});
  Device& device = stand_in->device();
  const auto a = device.allocate(4096, "a");
  const auto b = device.allocate(4096, "b");
  Instruments instruments(nullptr);
  std::atomic<int> called = 0;
  for (int i = 0; i < n_managers; ++i) {
    AsyncCommandBufferManager manager(device, {.max_in_flight = 1 + i % 3}, instruments);
    for (int k = 0; k < i % 6; ++k) {
      ops::copy(manager.begin({}, "layer 0", Clock::now()), {a.get(), 0, 4096}, {b.get(), 0, 4096});
      manager.on_completed(manager.commit(), [&](BatchId, const std::optional<Error>&) { ++called; });
    }
  }
  int expected = 0;
  for (int i = 0; i < n_managers; ++i) expected += i % 6;
  EXPECT_EQ(called, expected);
}

}  // namespace
}  // namespace marlin
