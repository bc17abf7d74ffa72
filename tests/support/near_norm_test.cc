// SPDX-License-Identifier: Apache-2.0
#include "tests/support/near_norm.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace marlin::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(NearNorm, IsTheLargestErrorRelativeToTheRms) {
  const NormError result = norm_error(std::vector<double>{3.0, -4.5, 0.25}, std::vector<double>{3.0, -4.0, 0.0});
  EXPECT_DOUBLE_EQ(result.rms, std::sqrt(25.0 / 3));
  EXPECT_DOUBLE_EQ(result.error, 0.5 / std::sqrt(25.0 / 3));
  EXPECT_EQ(result.worst_index, 1U);
}

TEST(NearNorm, NanIsAnInfiniteError) {
  const std::vector<double> good = {1, 2, 3};
  EXPECT_EQ(norm_error(std::vector<double>{1, 2, kNan}, good).error, kInfinity);
  EXPECT_EQ(norm_error(std::vector<double>{1, 2, kNan}, good).worst_index, 2U);
  EXPECT_EQ(norm_error(good, std::vector<double>{kNan, 2, 3}).error, kInfinity);
  EXPECT_EQ(norm_error(std::vector<double>{kNan}, std::vector<double>{kNan}).error, kInfinity);
}

TEST(NearNorm, InfinityMustBeMetAndDoesNotHideOtherErrors) {
  const std::vector<double> expected = {1, -1, kInfinity};
  EXPECT_EQ(norm_error(expected, expected).error, 0.0);
  EXPECT_EQ(norm_error(std::vector<double>{1, -1, -kInfinity}, expected).error, kInfinity);
  EXPECT_EQ(norm_error(std::vector<double>{1, -1, 1e300}, expected).error, kInfinity);
  EXPECT_DOUBLE_EQ(norm_error(std::vector<double>{1, -2, kInfinity}, expected).error, 1.0);
  EXPECT_EQ(norm_error(std::vector<double>{kInfinity}, std::vector<double>{1}).error, kInfinity);
}

TEST(NearNorm, ZeroMustBeZero) {
  const std::vector<double> zeros(4, 0.0);
  EXPECT_EQ(norm_error(std::vector<double>{0.0, -0.0, 0.0, 0.0}, zeros).error, 0.0);
  EXPECT_EQ(norm_error(std::vector<double>{0, 0, 5e-324, 0}, zeros).error, kInfinity);
}

TEST(NearNorm, SurvivesTheEndsOfTheRange) {
  const std::vector<double> huge = {1e300, -1e300};
  EXPECT_DOUBLE_EQ(norm_error(huge, huge).rms, 1e300);
  EXPECT_NEAR(norm_error(std::vector<double>{1.01e300, -1e300}, huge).error, 0.01, 1e-12);
  const std::vector<double> tiny = {1e-300, -1e-300};
  EXPECT_NEAR(norm_error(std::vector<double>{1.01e-300, -1e-300}, tiny).error, 0.01, 1e-12);
}

TEST(NearNorm, FailuresNameThePlace) {
  const std::vector<float> actual = {1, 2, 9, 4};
  const std::vector<double> expected = {1, 2, 3, 4};
  EXPECT_NONFATAL_FAILURE(expect_near_norm(actual, expected, 0.1, "q_proj"), "q_proj: error");
  EXPECT_NONFATAL_FAILURE(expect_near_norm(actual, expected, 0.1, "q_proj"), "worst at index 2 of 4: 9 instead of 3");
  EXPECT_NONFATAL_FAILURE(expect_near_norm(std::vector<float>{1}, expected, 0.1, "q_proj"), "1 values instead of 4");
  EXPECT_NONFATAL_FAILURE(expect_near_norm(std::vector<double>{kNan}, std::vector<double>{1}, kNan, "no tolerance"),
                          "index 0");
  EXPECT_TRUE(expect_near_norm(expected, expected, 0.0, "itself"));
}

TEST(NearNorm, ConvertsExactly) {
  EXPECT_EQ(to_doubles(std::vector<float>{0x1.FFFFFEp127F, 0x1p-149F}),
            (std::vector<double>{0x1.FFFFFEp127, 0x1p-149}));
  EXPECT_EQ(halves_to_doubles(std::vector<std::uint16_t>{0x3C00, 0xC000, 0x0001}),
            (std::vector<double>{1, -2, 0x1p-24}));
  EXPECT_EQ(bfloat16s_to_doubles(std::vector<std::uint16_t>{0x3F80, 0xC000, 0x0001}),
            (std::vector<double>{1, -2, 0x1p-133}));
}

}  // namespace
}  // namespace marlin::test
