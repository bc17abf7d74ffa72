// SPDX-License-Identifier: Apache-2.0
#include "base/half.h"

#include <gtest/gtest.h>

#include <limits>

namespace marlin {
namespace {

TEST(Half, EveryValueSurvivesARoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = half_to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(value))));
    } else {
      EXPECT_EQ(float_to_half(value), half) << value;
    }
  }
}

TEST(Half, RoundsHalfwayCasesToEven) {
  for (std::uint32_t bits = 0; bits < 0x7BFFU; ++bits) {
    const auto low = static_cast<std::uint16_t>(bits);
    const auto high = static_cast<std::uint16_t>(bits + 1);
    const double middle = (static_cast<double>(half_to_float(low)) + half_to_float(high)) / 2;
    EXPECT_EQ(double_to_half(middle), (bits & 1U) == 0 ? low : high);
    EXPECT_EQ(double_to_half(std::nextafter(middle, 0.0)), low);
    EXPECT_EQ(double_to_half(std::nextafter(middle, 1e9)), high);
  }
}

TEST(Half, OverflowsToInfinityFrom65520) {
  EXPECT_EQ(double_to_half(65519.999), 0x7BFF);
  EXPECT_EQ(double_to_half(65520.0), 0x7C00);
  EXPECT_EQ(double_to_half(-std::numeric_limits<double>::infinity()), 0xFC00);
}

TEST(Bfloat16, IsTheHighHalfOfAFloat) {
  EXPECT_EQ(bfloat16_to_float(0x3F80), 1.0F);
  EXPECT_EQ(bfloat16_to_float(0xC049), -3.140625F);
}

}  // namespace
}  // namespace marlin
