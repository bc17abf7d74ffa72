// SPDX-License-Identifier: Apache-2.0
#include "trellis/hadamard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "metal_marlin/error.h"
#include "tests/support/near_norm.h"
#include "tests/support/random_tensor.h"

namespace marlin {
namespace {

// The matrix product by the definition.
std::vector<double> transform_by_definition(const std::vector<double>& x) {
  std::vector<double> y(x.size(), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t block = i / kHadamardSize * kHadamardSize;
    for (std::size_t j = 0; j < kHadamardSize; ++j) {
      const bool negative = std::popcount((i % kHadamardSize) & j) % 2 == 1;
      y[i] += negative ? -x[block + j] : x[block + j];
    }
  }
  return y;
}

TEST(Hadamard, IsTheSylvesterMatrixPerBlockOf128) {
  const std::vector<float> narrow = test::normal_tensor(3 * kHadamardSize, 1);
  const std::vector<double> x = test::to_doubles(narrow);
  const std::vector<double> expected = transform_by_definition(x);
  std::vector<double> y = x;
  hadamard_128(std::span<double>(y));
  test::expect_near_norm(y, expected, 1e-14, "double");
  std::vector<float> z = narrow;
  hadamard_128(std::span<float>(z));
  test::expect_near_norm(z, expected, 2e-6, "float");  // 7 additions of rounding 2^-24 on values of the output's size
}

TEST(Hadamard, ColumnsAreTransformedAsRowsAre) {
  constexpr std::size_t kColumns = 5;
  constexpr std::size_t kRows = 2 * kHadamardSize;
  const std::vector<double> x = test::to_doubles(test::normal_tensor(kRows * kColumns, 2));
  std::vector<double> matrix = x;
  hadamard_128_columns(matrix, kColumns);
  for (std::size_t c = 0; c < kColumns; ++c) {
    std::vector<double> column;
    std::vector<double> actual;
    for (std::size_t r = 0; r < kRows; ++r) {
      column.push_back(x[r * kColumns + c]);
      actual.push_back(matrix[r * kColumns + c]);
    }
    test::expect_near_norm(actual, transform_by_definition(column), 1e-14, "column");
  }
}

TEST(Hadamard, IsItsOwnInverseOnceNormalised) {
  const std::vector<double> x = test::to_doubles(test::normal_tensor(kHadamardSize, 3));
  std::vector<double> y = x;
  for (int side = 0; side < 2; ++side) {
    hadamard_128(std::span<double>(y));
    for (double& v : y) v *= kRsqrt128;
  }
  test::expect_near_norm(y, x, 1e-14, "twice");
  EXPECT_EQ(static_cast<float>(kRsqrt128), 0.088388347648F);
}

TEST(Hadamard, RefusesPartialBlocks) {
  std::vector<double> values(kHadamardSize + 1);
  EXPECT_THROW(hadamard_128(std::span<double>(values)), Error);
  std::vector<float> floats(64);
  EXPECT_THROW(hadamard_128(std::span<float>(floats)), Error);
  EXPECT_THROW(hadamard_128_columns(values, 0), Error);
  values.resize(kHadamardSize * 3);
  EXPECT_THROW(hadamard_128_columns(values, 2), Error);
  EXPECT_NO_THROW(hadamard_128(std::span<double>()));
}

}  // namespace
}  // namespace marlin
