// SPDX-License-Identifier: Apache-2.0
// binary16 against the project's own conversions, which go by way of double and ldexp.
#include "base/half.h"

#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

namespace softcuda {
namespace {

/// Equal bits; any NaN is a NaN.
void expect_same(__half x, double exact, const char* what) {
  const std::uint16_t expected = marlin::double_to_half(exact);
  if (std::isnan(exact)) {
    ASSERT_TRUE(std::isnan(__half2float(x))) << what;
  } else {
    ASSERT_EQ(x.bits_, expected) << what << ", exact " << exact;
  }
}

TEST(Half, ToFloatOfAllValues) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const float x = __half2float(__ushort_as_half(static_cast<unsigned short>(bits)));
    const float expected = marlin::half_to_float(static_cast<std::uint16_t>(bits));
    ASSERT_EQ(std::bit_cast<std::uint32_t>(x), std::bit_cast<std::uint32_t>(expected)) << bits;
  }
}

// Every value, every midpoint to the next one, and the floats beside those.
TEST(Half, FromFloat) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const float x = marlin::half_to_float(static_cast<std::uint16_t>(bits));
    if (std::isnan(x)) continue;
    const float next = marlin::half_to_float(static_cast<std::uint16_t>(bits + 1));
    const float middle = std::isfinite(next) ? (x + next) / 2 : std::copysign(65520.0F, x);
    for (const float value : {x, middle}) {
      for (const float near : {std::nextafter(value, -INFINITY), value, std::nextafter(value, INFINITY)}) {
        expect_same(__float2half_rn(near), static_cast<double>(near), "conversion");
      }
    }
  }
  EXPECT_EQ(__float2half_rn(NAN).bits_, 0x7FFF);
  EXPECT_EQ(__float2half_rn(1e30F).bits_, 0x7C00);
}

TEST(Half, ArithmeticRoundsOnce) {
  std::mt19937 random(1);
  for (int i = 0; i < 300000; ++i) {
    const auto any = [&] { return __ushort_as_half(static_cast<unsigned short>(random())); };
    // Near each other in size half of the time, so that sums and roundings meet.
    const auto near_one = [&] { return __ushort_as_half(static_cast<unsigned short>(0x3000U + random() % 0x1800U)); };
    const __half a = i % 2 == 0 ? any() : near_one();
    const __half b = i % 2 == 0 ? any() : near_one();
    const __half c = i % 4 < 2 ? any() : __hneg(near_one());
    const double x = static_cast<double>(__half2float(a));
    const double y = static_cast<double>(__half2float(b));
    const double z = static_cast<double>(__half2float(c));
    expect_same(__hadd(a, b), x + y, "sum");
    expect_same(__hsub(a, b), x - y, "difference");
    expect_same(__hmul(a, b), x * y, "product");
    const long double exact = static_cast<long double>(x) * static_cast<long double>(y) + static_cast<long double>(z);
    auto to_odd = static_cast<double>(exact);  // so that its own rounding makes no tie
    const bool is_even = (std::bit_cast<std::uint64_t>(to_odd) & 1U) == 0;
    if (is_even && std::isfinite(to_odd) && static_cast<long double>(to_odd) != exact) {
      to_odd = std::nextafter(to_odd, static_cast<long double>(to_odd) < exact ? INFINITY : -INFINITY);
    }
    expect_same(__hfma(a, b, c), to_odd, "fma");
  }
}

TEST(Half, Pairs) {
  const __half2 v = __floats2half2_rn(1.5F, -2.0F);
  const __half2 w = __halves2half2(__half(0.25F), __half(3.0F));
  const float2 sum = __half22float2(__hadd2(v, w));
  EXPECT_EQ(sum.x, 1.75F);
  EXPECT_EQ(sum.y, 1.0F);
  const float2 fused = __half22float2(__hfma2(v, w, v));
  EXPECT_EQ(fused.x, 1.875F);
  EXPECT_EQ(fused.y, -8.0F);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(v), 0xC0003E00U);  // the first in the low half
}

}  // namespace
}  // namespace softcuda
