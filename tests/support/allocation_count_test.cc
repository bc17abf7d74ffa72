// SPDX-License-Identifier: Apache-2.0
#include "tests/support/allocation_count.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace marlin {
namespace {

TEST(AllocationCount, CountsWhatContainersTake) {
  const long before = test::allocation_count();
  std::vector<std::string> strings(3);
  EXPECT_EQ(test::allocation_count(), before + 1);
  strings[1].reserve(1000);
  EXPECT_EQ(test::allocation_count(), before + 2);
  strings[1].resize(1000);
  EXPECT_EQ(test::allocation_count(), before + 2);
  const auto array = std::make_unique<double[]>(10);
  EXPECT_EQ(test::allocation_count(), before + 3);
}

}  // namespace
}  // namespace marlin
