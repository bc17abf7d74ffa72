// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "tests/support/error_of.h"

namespace marlin {
namespace {

bool all_bytes_are(const PageMemory& memory, std::byte value) {
  return std::all_of(memory.data(), memory.data() + memory.size(), [=](std::byte b) { return b == value; });
}

TEST(PageMemory, IsZeroedAndPageAligned) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4095}, std::size_t{4097}, std::size_t{5} << 20}) {
    const PageMemory memory(bytes);
    ASSERT_NE(memory.data(), nullptr);
    EXPECT_EQ(memory.size(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE)), 0U);
    EXPECT_TRUE(all_bytes_are(memory, std::byte{0}));
    std::fill_n(memory.data(), bytes, std::byte{7});  // and writable to its end
    EXPECT_TRUE(all_bytes_are(memory, std::byte{7}));
  }
}

// What was written before must not come back in memory given out again.
TEST(PageMemory, IsZeroedEveryTime) {
  for (int i = 0; i < 20; ++i) {
    const PageMemory memory(1 << 20);
    ASSERT_TRUE(all_bytes_are(memory, std::byte{0}));
    std::fill_n(memory.data(), memory.size(), std::byte{0xFF});
  }
}

TEST(PageMemory, NothingIsNoMemory) {
  EXPECT_EQ(PageMemory().data(), nullptr);
  EXPECT_EQ(PageMemory().size(), 0U);
  EXPECT_EQ(PageMemory(0).data(), nullptr);
  EXPECT_EQ(PageMemory(0).size(), 0U);
}

TEST(PageMemory, Moves) {
  PageMemory a(100);
  a.data()[99] = std::byte{5};
  const std::byte* const address = a.data();
  PageMemory b(std::move(a));
  EXPECT_EQ(b.data(), address);
  EXPECT_EQ(b.size(), 100U);
  EXPECT_EQ(a.data(), nullptr);  // NOLINT(bugprone-use-after-move): what is left is part of the contract
  EXPECT_EQ(a.size(), 0U);
  PageMemory c(200);
  c = std::move(b);
  EXPECT_EQ(c.data(), address);
  EXPECT_EQ(c.size(), 100U);
  EXPECT_EQ(c.data()[99], std::byte{5});
  PageMemory& same = c;
  c = std::move(same);
  EXPECT_EQ(c.data(), address) << "assigning to itself";
}

TEST(PageMemory, CostsNothingUntilTouched) {
  const std::size_t before = peak_resident_bytes();
  const PageMemory memory(std::size_t{256} << 20);
  EXPECT_LT(peak_resident_bytes(), before + (std::size_t{64} << 20));
}

TEST(PageMemory, RefusesAnAbsurdSizeNamingIt) {
  for (const std::size_t bytes : {std::numeric_limits<std::size_t>::max(), std::size_t{1} << 62}) {
    const Error error = test::error_of([&] { PageMemory memory(bytes); });
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_NE(std::string(error.what()).find(std::to_string(bytes)), std::string::npos) << error.what();
  }
}

TEST(ProcessMemory, IsPlausible) {
  EXPECT_GT(physical_memory_bytes(), std::size_t{64} << 20);
  const std::size_t before = peak_resident_bytes();
  EXPECT_GT(before, 0U);
  PageMemory memory(before + (std::size_t{16} << 20));
  std::fill_n(memory.data(), memory.size(), std::byte{1});
  EXPECT_GE(peak_resident_bytes(), memory.size());
}

}  // namespace
}  // namespace marlin
