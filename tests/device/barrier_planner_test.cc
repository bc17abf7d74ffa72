// SPDX-License-Identifier: Apache-2.0
// Which dispatches need a barrier before them.
#include "device/barrier_planner.h"

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <memory>

#include "backends/registry.h"
#include "tests/device/fake_buffer.h"

namespace marlin {
namespace {

class BarrierPlannerTest : public ::testing::Test {
 protected:
  bool next(std::initializer_list<Binding> bindings) {
    return planner_.next(std::span(bindings.begin(), bindings.size()));
  }
  /// Whether the second of two dispatches needs a barrier.
  static bool conflict(const Binding& earlier, const Binding& later) {
    BarrierPlanner planner;
    EXPECT_FALSE(planner.next({&earlier, 1}));
    return planner.next({&later, 1});
  }

  BarrierPlanner planner_;
  test::FakeBuffer a_{"a", 1 << 20, 1000};
  test::FakeBuffer b_{"b", 2 << 20, 1000};
};

TEST_F(BarrierPlannerTest, TheFirstDispatchNeedsNone) {
  EXPECT_FALSE(next({reads(a_.whole()), updates(a_.whole()), writes(b_.whole())}));
}

TEST_F(BarrierPlannerTest, ADispatchWithoutOperandsNeedsNone) {
  EXPECT_FALSE(next({writes(a_.whole())}));
  EXPECT_FALSE(next({}));
  EXPECT_TRUE(next({reads(a_.whole())})) << "and forgets nothing";
}

TEST_F(BarrierPlannerTest, ReadAfterWriteNeedsOne) { EXPECT_TRUE(conflict(writes(a_.whole()), reads(a_.whole()))); }

TEST_F(BarrierPlannerTest, WriteAfterReadNeedsOne) { EXPECT_TRUE(conflict(reads(a_.whole()), writes(a_.whole()))); }

TEST_F(BarrierPlannerTest, WriteAfterWriteNeedsOne) { EXPECT_TRUE(conflict(writes(a_.whole()), writes(a_.whole()))); }

TEST_F(BarrierPlannerTest, AnUpdateIsBothReadAndWrite) {
  EXPECT_FALSE(next({reads(a_.whole())}));
  EXPECT_TRUE(next({updates(a_.whole())}));
  EXPECT_TRUE(next({reads(a_.whole())}));
  EXPECT_TRUE(next({updates(a_.whole())}));
  EXPECT_TRUE(next({updates(a_.whole())}));
}

TEST_F(BarrierPlannerTest, ReadAfterReadNeedsNone) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(next({reads(a_.whole()), reads(a_.view(10, 20))}));
}

TEST_F(BarrierPlannerTest, DisjointRangesOfABufferNeedNone) {
  EXPECT_FALSE(next({writes(a_.view(0, 100))}));
  EXPECT_FALSE(next({writes(a_.view(100, 100))})) << "adjacent";
  EXPECT_FALSE(next({updates(a_.view(500, 1))}));
  EXPECT_FALSE(next({reads(a_.view(200, 300))})) << "between two others";
  EXPECT_TRUE(next({reads(a_.view(199, 2))})) << "one byte in common";
}

TEST_F(BarrierPlannerTest, OneByteInCommonNeedsOne) {
  const Binding written = writes(a_.view(100, 10));
  EXPECT_TRUE(conflict(written, reads(a_.view(109, 10))));
  EXPECT_TRUE(conflict(written, reads(a_.view(91, 10))));
  EXPECT_TRUE(conflict(written, reads(a_.view(105, 1)))) << "inside";
  EXPECT_TRUE(conflict(written, reads(a_.whole()))) << "round about";
  EXPECT_FALSE(conflict(written, reads(a_.view(110, 10))));
  EXPECT_FALSE(conflict(written, reads(a_.view(90, 10))));
}

TEST_F(BarrierPlannerTest, AnEmptyRangeConflictsWithNothing) {
  EXPECT_FALSE(next({writes(a_.whole())}));
  for (const std::size_t offset : {0U, 500U, 1000U}) {
    EXPECT_FALSE(next({reads(a_.view(offset, 0))})) << offset;
    EXPECT_FALSE(next({writes(a_.view(offset, 0))})) << offset;
  }
}

TEST_F(BarrierPlannerTest, DifferentBuffersNeedNone) {
  EXPECT_FALSE(next({writes(a_.whole())}));
  EXPECT_FALSE(next({writes(b_.whole())}));
}

TEST_F(BarrierPlannerTest, EveryEarlierDispatchCountsNotOnlyTheLast) {
  EXPECT_FALSE(next({writes(a_.view(0, 10))}));
  for (std::size_t i = 1; i < 50; ++i) EXPECT_FALSE(next({writes(a_.view(10 * i, 10))}));
  EXPECT_TRUE(next({reads(b_.whole()), reads(a_.view(0, 10))}));
}

TEST_F(BarrierPlannerTest, ABarrierForgetsWhatCameBeforeAndKeepsWhatCameWithIt) {
  EXPECT_FALSE(next({writes(a_.whole())}));
  EXPECT_FALSE(next({writes(b_.view(0, 10))}));
  EXPECT_TRUE(next({reads(a_.whole()), writes(b_.view(20, 10))}));
  EXPECT_FALSE(next({reads(a_.whole())})) << "ordered by that barrier";
  EXPECT_FALSE(next({reads(b_.view(0, 10))})) << "so is what it was not made for";
  EXPECT_TRUE(next({reads(b_.view(20, 10))})) << "written after it";
}

TEST_F(BarrierPlannerTest, OperandsOfOneDispatchDoNotConflictWithEachOther) {
  EXPECT_FALSE(next({reads(a_.whole()), writes(a_.whole()), updates(a_.view(5, 5))}));
}

TEST_F(BarrierPlannerTest, ClearForgetsEverything) {
  EXPECT_FALSE(next({writes(a_.whole())}));
  planner_.clear();
  EXPECT_FALSE(next({updates(a_.whole())}));
  EXPECT_TRUE(next({updates(a_.whole())}));
}

// Where addresses are the host's. Elsewhere wrapped memory, which is only ever read, may have several.
TEST_F(BarrierPlannerTest, BuffersThatShareMemoryConflict) {
  const auto device = create_device("cpu", {.n_threads = 1});
  std::array<std::byte, 300> memory{};
  const auto front = device->wrap(std::span(memory).first(200), "front");
  const auto back = device->wrap(std::span(memory).subspan(100), "back");
  const auto conflict = [](BufferView earlier, BufferView later) {
    BarrierPlanner planner;
    const Binding write = writes(earlier);
    const Binding read = reads(later);
    EXPECT_FALSE(planner.next({&write, 1}));
    return planner.next({&read, 1});
  };
  EXPECT_TRUE(conflict({front.get(), 0, 200}, {back.get(), 0, 200}));
  EXPECT_TRUE(conflict({front.get(), 199, 1}, {back.get(), 99, 1}));
  EXPECT_FALSE(conflict({front.get(), 0, 100}, {back.get(), 0, 200}));
  EXPECT_FALSE(conflict({front.get(), 0, 200}, {back.get(), 100, 100}));
}

}  // namespace
}  // namespace marlin
