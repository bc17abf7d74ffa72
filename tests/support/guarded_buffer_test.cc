// SPDX-License-Identifier: Apache-2.0
#include "tests/support/guarded_buffer.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/half.h"

namespace marlin::test {
namespace {

TEST(GuardedBuffer, StartsWhereAsked) {
  for (const std::size_t misalignment : {0, 4, 12, 64, 124}) {
    GuardedBuffer<float> buffer(7, misalignment);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 128, misalignment);
    EXPECT_EQ(buffer.span().size(), 7U);
  }
  const GuardedBuffer<std::byte> odd(3, 1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(odd.data()) % 128, 1U);
  EXPECT_NONFATAL_FAILURE(GuardedBuffer<float>(1, 2), "misalignment 2");
  EXPECT_NONFATAL_FAILURE(GuardedBuffer<float>(1, 128), "misalignment 128");
}

TEST(GuardedBuffer, StartsAsNanInEveryFormat) {
  const GuardedBuffer<float> floats(5);
  for (const float value : floats.span()) EXPECT_TRUE(std::isnan(value));
  const GuardedBuffer<double> doubles(5);
  for (const double value : doubles.span()) EXPECT_TRUE(std::isnan(value));
  const GuardedBuffer<std::uint16_t> halves(5);
  for (const std::uint16_t bits : halves.span()) {
    EXPECT_TRUE(std::isnan(half_to_float(bits)));
    EXPECT_TRUE(std::isnan(bfloat16_to_float(bits)));
  }
}

TEST(GuardedBuffer, HoldsACopy) {
  const std::vector<std::uint16_t> values = {1, 2, 3};
  const GuardedBuffer<std::uint16_t> buffer(values, 6);
  EXPECT_TRUE(std::equal(values.begin(), values.end(), buffer.data()));
}

TEST(GuardedBuffer, MayBeWrittenInside) {
  GuardedBuffer<float> buffer(9, 4);
  std::fill_n(buffer.data(), 9, 1.0F);
  EXPECT_TRUE(buffer.guards_intact());
}

// The byte `offset` from the payload's start, reached as a kernel with a wrong index would.
void damage(GuardedBuffer<float>& buffer, std::ptrdiff_t offset) {
  auto* byte = reinterpret_cast<std::byte*>(buffer.data()) + offset;
  *byte = std::byte{0};
}

void write_before() {
  GuardedBuffer<float> buffer(4, 8);
  damage(buffer, -1);
}

void write_after() {
  GuardedBuffer<float> buffer(4, 8);
  damage(buffer, 16);
}

void write_far_after() {
  GuardedBuffer<float> buffer(4);
  damage(buffer, 16 + static_cast<std::ptrdiff_t>(GuardedBuffer<float>::kGuardBytes) - 1);
}

TEST(GuardedBuffer, ReportsWritesOutside) {
  EXPECT_NONFATAL_FAILURE(write_before(), "byte -1 of a payload of 16 bytes");
  EXPECT_NONFATAL_FAILURE(write_after(), "byte 16 of a payload of 16 bytes");
  EXPECT_NONFATAL_FAILURE(write_far_after(), "byte 271 of a payload of 16 bytes");
}

}  // namespace
}  // namespace marlin::test
