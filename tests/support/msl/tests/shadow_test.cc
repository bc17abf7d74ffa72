// SPDX-License-Identifier: Apache-2.0
// The race rules themselves, access by access: who is ordered against whom, and that no reader is forgotten that a
// later writer would conflict with.
#include "runtime/shadow.h"

#include <gtest/gtest.h>

namespace msl {
namespace {

class Shadows : public ::testing::Test {
 protected:
  bool races(std::uintptr_t address, std::size_t bytes, AccessKind kind, const Segment& segment) {
    return shadow_.access(address, bytes, kind, shadow_.add_segment(segment), 1).conflict.has_value();
  }
  bool reads(std::uint32_t thread, std::uint32_t epoch = 1, std::uint32_t simd_epoch = 1) {
    return races(kAddress, 4, AccessKind::kRead, {0, thread, epoch, simd_epoch});
  }
  bool writes(std::uint32_t thread, std::uint32_t epoch = 1, std::uint32_t simd_epoch = 1) {
    return races(kAddress, 4, AccessKind::kWrite, {0, thread, epoch, simd_epoch});
  }

  static constexpr std::uintptr_t kAddress = 0x10000;
  Shadow shadow_{false};
};

TEST_F(Shadows, ABarrierOrders) {
  EXPECT_FALSE(writes(0, 1));
  EXPECT_FALSE(reads(0, 1));
  EXPECT_FALSE(reads(1, 2));
  EXPECT_FALSE(writes(5, 3));
  EXPECT_TRUE(reads(6, 3));
}

TEST_F(Shadows, ASimdgroupBarrierOrdersItsSimdgroupOnly) {
  EXPECT_FALSE(writes(0, 1, 1));
  EXPECT_FALSE(reads(1, 1, 2));
  EXPECT_TRUE(reads(32, 1, 2));
}

TEST_F(Shadows, EveryReaderCountsForAWriter) {
  for (std::uint32_t first = 0; first < 3; ++first) {  // the writer may have read too, first, last or between
    shadow_.wipe();
    for (std::uint32_t i = 0; i < 3; ++i) EXPECT_FALSE(reads((first + i) % 3 + 4));
    EXPECT_TRUE(writes(4)) << first;
  }
}

TEST_F(Shadows, AReaderOfAnotherSimdgroupIsNotForgotten) {
  EXPECT_FALSE(reads(40));
  for (std::uint32_t i = 0; i < 20; ++i) EXPECT_FALSE(reads(i));
  EXPECT_TRUE(writes(3, 1, 2));  // ordered against its own simdgroup's readers, not against thread 40
}

TEST_F(Shadows, AReaderOfAnotherSimdgroupAfterManyOfOneIsNotForgotten) {
  for (std::uint32_t i = 0; i < 20; ++i) EXPECT_FALSE(reads(i));
  EXPECT_FALSE(reads(40));
  EXPECT_TRUE(writes(3, 1, 2));
}

TEST_F(Shadows, OwnReadsDoNotHideThoseOfAnEarlierThreadgroup) {
  EXPECT_FALSE(races(kAddress, 4, AccessKind::kRead, {0, 0, 1, 1}));
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_FALSE(races(kAddress, 4, AccessKind::kRead, {1, i, 2 + i, 1}));
  EXPECT_TRUE(races(kAddress, 4, AccessKind::kWrite, {1, 3, 9, 1}));
}

TEST_F(Shadows, AtomicsDoNotRaceWithEachOther) {
  EXPECT_FALSE(races(kAddress, 4, AccessKind::kAtomicModify, {0, 0, 1, 1}));
  EXPECT_FALSE(races(kAddress, 4, AccessKind::kAtomicStore, {0, 1, 1, 1}));
  EXPECT_FALSE(races(kAddress, 4, AccessKind::kAtomicLoad, {1, 0, 1, 1}));
  EXPECT_TRUE(races(kAddress, 4, AccessKind::kRead, {1, 0, 1, 1}));
}

TEST_F(Shadows, AtomicsOfThisThreadgroupDoNotHideThoseOfAnEarlierOne) {
  EXPECT_FALSE(races(kAddress, 4, AccessKind::kAtomicModify, {0, 0, 1, 1}));
  EXPECT_FALSE(races(kAddress, 4, AccessKind::kAtomicModify, {1, 0, 1, 1}));
  EXPECT_FALSE(races(kAddress, 4, AccessKind::kAtomicModify, {1, 1, 1, 1}));
  EXPECT_TRUE(races(kAddress, 4, AccessKind::kRead, {1, 2, 2, 1}));
}

TEST_F(Shadows, NeighboursInAWordAreApartAndOverlapsAreNot) {
  EXPECT_FALSE(races(kAddress, 16, AccessKind::kRead, {0, 0, 1, 1}));  // one cell, split by what follows
  EXPECT_FALSE(races(kAddress + 16, 1, AccessKind::kWrite, {0, 1, 1, 1}));
  EXPECT_FALSE(races(kAddress + 17, 1, AccessKind::kWrite, {0, 2, 1, 1}));
  EXPECT_TRUE(races(kAddress + 15, 1, AccessKind::kWrite, {0, 1, 1, 1}));
  EXPECT_TRUE(races(kAddress + 16, 4, AccessKind::kRead, {0, 3, 1, 1}));
}

TEST_F(Shadows, AnAccessMayCrossAPage) {
  const std::uintptr_t edge = kAddress + 1024;
  EXPECT_FALSE(races(edge - 2, 4, AccessKind::kWrite, {0, 0, 1, 1}));
  EXPECT_TRUE(races(edge - 1, 1, AccessKind::kRead, {0, 1, 1, 1}));
  EXPECT_TRUE(races(edge + 1, 1, AccessKind::kRead, {0, 1, 1, 1}));
  EXPECT_FALSE(races(edge + 2, 1, AccessKind::kRead, {0, 1, 1, 1}));
}

TEST(ThreadgroupShadow, KnowsWhatWasNeverWritten) {
  Shadow shadow(true);
  const std::uint32_t segment = shadow.add_segment({0, 0, 1, 1});
  EXPECT_FALSE(shadow.access(0x100, 4, AccessKind::kWrite, segment, 1).uninitialized);
  EXPECT_FALSE(shadow.access(0x102, 2, AccessKind::kRead, segment, 1).uninitialized);
  EXPECT_EQ(shadow.access(0x102, 4, AccessKind::kRead, segment, 1).uninitialized, 0x104U);
  EXPECT_TRUE(shadow.access(0x108, 4, AccessKind::kAtomicModify, segment, 1).uninitialized);
  EXPECT_FALSE(shadow.access(0x108, 4, AccessKind::kRead, segment, 1).uninitialized);
  shadow.wipe();
  EXPECT_TRUE(shadow.access(0x100, 4, AccessKind::kRead, shadow.add_segment({1, 0, 1, 1}), 1).uninitialized);
}

}  // namespace
}  // namespace msl
