// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/half.h"

namespace marlin::test {
namespace {

TEST(RandomTensor, IsDeterministic) {
  EXPECT_EQ(Random(0).next(), 0xE220A8397B1DCDAFU);  // SplitMix64's published first output
  EXPECT_EQ(normal_tensor(50, 3), normal_tensor(50, 3));
  EXPECT_NE(normal_tensor(50, 3), normal_tensor(50, 4));
  EXPECT_EQ(hostile_tensor(Hostile::kMixed, 50, 3), hostile_tensor(Hostile::kMixed, 50, 3));
}

TEST(RandomTensor, HasTheMomentsAskedFor) {
  constexpr std::size_t kCount = 100000;
  double sum = 0;
  double squares = 0;
  for (const float value : normal_tensor(kCount, 1, 2.0)) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  EXPECT_NEAR(sum / kCount, 0.0, 0.03);      // 4.7 standard errors
  EXPECT_NEAR(squares / kCount, 4.0, 0.09);  // 5 standard errors
  const std::vector<float> uniform = uniform_tensor(kCount, 2, -1.0, 3.0);
  EXPECT_GE(*std::min_element(uniform.begin(), uniform.end()), -1.0F);
  EXPECT_LE(*std::max_element(uniform.begin(), uniform.end()), 3.0F);
  EXPECT_LT(*std::min_element(uniform.begin(), uniform.end()), -0.99F);
  EXPECT_GT(*std::max_element(uniform.begin(), uniform.end()), 2.99F);
}

struct Limits {
  Element element;
  float largest, smallest_normal, smallest_subnormal;
};
constexpr Limits kLimits[] = {{Element::kF32, 0x1.FFFFFEp127F, 0x1p-126F, 0x1p-149F},
                              {Element::kF16, 65504.0F, 0x1p-14F, 0x1p-24F},
                              {Element::kBf16, 0x1.FEp127F, 0x1p-126F, 0x1p-133F}};

bool fits(Hostile kind, float size, const Limits& limits) {
  switch (kind) {
    case Hostile::kHuge:
      return size >= limits.largest / 4.01F;
    case Hostile::kTiny:
      return size >= limits.smallest_normal && size <= limits.smallest_normal * 4;
    case Hostile::kSubnormal:
      return size >= limits.smallest_subnormal && size < limits.smallest_normal;
    case Hostile::kZeros:
      return size == 0.0F;
    case Hostile::kMixed:
      break;
  }
  return size <= limits.largest;
}

TEST(RandomTensor, HostileValuesAreInTheirRangeAndRepresentable) {
  for (const Limits& limits : kLimits) {
    for (const Hostile kind : kAllHostile) {
      bool negative = false;
      bool positive = false;
      for (const float value : hostile_tensor(kind, 500, 9, limits.element)) {
        ASSERT_TRUE(std::isfinite(value));
        ASSERT_EQ(round_to(limits.element, value), value);
        ASSERT_TRUE(fits(kind, std::fabs(value), limits)) << value;
        (std::signbit(value) ? negative : positive) = true;
      }
      EXPECT_TRUE(negative && positive);
    }
  }
}

TEST(RandomTensor, RoundsOnceToNearestEven) {
  EXPECT_EQ(round_to(Element::kF32, 1.0 + 0x1p-24), 1.0F);
  EXPECT_EQ(round_to(Element::kF16, 1.0 + 0x1p-11), 1.0F);
  EXPECT_EQ(round_to(Element::kBf16, 1.0 + 0x1p-8), 1.0F);
  EXPECT_EQ(round_to(Element::kBf16, 1.0 + 0x1.8p-7), 1.0F + 0x1p-6F);
  // just above the tie: rounding to float first would lose the excess and then round the tie to even
  EXPECT_EQ(round_to(Element::kBf16, 1.0 + 0x1p-8 + 0x1p-40), 1.0F + 0x1p-7F);
  EXPECT_EQ(round_to(Element::kBf16, -(1.0 + 0x1.8p-7 - 0x1p-40)), -(1.0F + 0x1p-7F));
  EXPECT_EQ(round_to(Element::kBf16, 1e300), INFINITY);
  EXPECT_TRUE(std::isnan(round_to(Element::kBf16, NAN)));
  for (std::uint32_t bits = 0; bits < 0x7F80; ++bits) {
    const float value = bfloat16_to_float(static_cast<std::uint16_t>(bits));
    ASSERT_EQ(to_bfloat16s(std::vector<float>{value}).front(), bits);
  }
}

}  // namespace
}  // namespace marlin::test
