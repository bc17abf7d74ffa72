// SPDX-License-Identifier: Apache-2.0
// The counter that host threads block on.
#include "device/fence.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace marlin {
namespace {

using std::chrono::microseconds;

TEST(Fence, BeginsAtZeroAndRises) {
  Fence fence;
  EXPECT_EQ(fence.value(), 0U);
  EXPECT_TRUE(fence.wait(0));
  fence.signal(1);
  EXPECT_EQ(fence.value(), 1U);
  fence.signal(7);
  EXPECT_EQ(fence.value(), 7U);
  for (const std::uint64_t value : {0U, 1U, 5U, 7U}) EXPECT_TRUE(fence.wait(value));
}

TEST(Fence, ALowerOrEqualSignalChangesNothing) {
  Fence fence;
  fence.signal(5);
  fence.signal(3);
  fence.signal(0);
  fence.signal(5);
  EXPECT_EQ(fence.value(), 5U);
  EXPECT_FALSE(fence.wait(6, microseconds(1)));
}

TEST(Fence, AWaitForWhatIsNeverSignalledTimesOut) {
  Fence fence;
  EXPECT_FALSE(fence.wait(1, microseconds(0)));
  EXPECT_FALSE(fence.wait(1, microseconds(50)));
  fence.signal(1);
  EXPECT_FALSE(fence.wait(2, microseconds(50)));
}

TEST(Fence, AWaitForWhatHasHappenedNeedsNoTime) {
  Fence fence;
  fence.signal(2);
  EXPECT_TRUE(fence.wait(2, microseconds(0)));
  EXPECT_TRUE(fence.wait(1, microseconds(0)));
}

TEST(Fence, ASignalWakesEveryWaiterThatItReaches) {
  Fence fence;
  std::atomic<int> early = 0;
  std::atomic<int> returned = 0;
  std::vector<std::thread> waiters;
  for (std::uint64_t value = 1; value <= 12; ++value) {
    waiters.emplace_back([&, value] {
      EXPECT_TRUE(fence.wait(value));
      early += fence.value() < value ? 1 : 0;
      ++returned;
    });
  }
  for (const std::uint64_t value : {1U, 2U, 7U, 12U}) fence.signal(value);  // most are passed over
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_EQ(returned, 12);
  EXPECT_EQ(early, 0);
}

TEST(Fence, AWaiterSeesWhatWasWrittenBeforeTheSignal) {
  for (int i = 0; i < 200; ++i) {
    Fence fence;
    int written = 0;
    std::thread signaller([&] {
      written = i + 1;
      fence.signal(1);
    });
    EXPECT_TRUE(fence.wait(1));
    EXPECT_EQ(written, i + 1);
    signaller.join();
  }
}

// The signaller must be done with the fence when a waiter returns. Meant for the thread sanitizer.
TEST(Fence, MayBeDestroyedAsSoonAsAWaitReturns) {
  constexpr int kFences = 500;
  std::vector<std::unique_ptr<Fence>> fences;
  for (int i = 0; i < kFences; ++i) fences.push_back(std::make_unique<Fence>());
  std::thread signaller([all = [&] {
    std::vector<Fence*> pointers;
    for (const auto& fence : fences) pointers.push_back(fence.get());
    return pointers;
  }()] {
    for (Fence* fence : all) fence->signal(1);
  });
  for (std::unique_ptr<Fence>& fence : fences) {
    EXPECT_TRUE(fence->wait(1));
    fence.reset();
  }
  signaller.join();
}

}  // namespace
}  // namespace marlin
