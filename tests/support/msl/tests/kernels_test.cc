// SPDX-License-Identifier: Apache-2.0
// Correct kernels against float64, in three checked schedules and fast: right results and no report.
// Tolerances follow from the number of roundings, with u = 2^-24: they hold for any order of summation.
#include <gtest/gtest.h>

#include <cmath>

#include "abi/rms_norm.h"
#include "launch_options.h"

namespace msl {
namespace {

constexpr double kUnit = 0x1p-24;

class Kernels : public ::testing::TestWithParam<int> {
 protected:
  [[nodiscard]] static Options options() { return test::every_way()[static_cast<std::size_t>(GetParam())]; }
};

INSTANTIATE_TEST_SUITE_P(EveryWay, Kernels, ::testing::Range(0, 4));

struct RmsSize {
  std::uint32_t n;
  std::uint32_t n_threads;
};

TEST_P(Kernels, RmsNormOfRaggedRows) {
  for (const RmsSize size : {RmsSize{1000, 96}, {1, 32}, {33, 256}, {4096, 1024}, {129, 64}}) {
    constexpr std::uint32_t kRows = 3;
    test::Numbers numbers(size.n);
    const std::vector<float> x = numbers.vector(kRows * size.n);
    const std::vector<float> weight = numbers.vector(size.n);
    std::vector<float> out(kRows * size.n, NAN);
    const marlin::abi::RmsNormArguments arguments{.weight = reinterpret_cast<std::uintptr_t>(weight.data()),
                                                  .n_rows = kRows,
                                                  .n = size.n,
                                                  .in_stride = size.n,
                                                  .out_stride = size.n,
                                                  .eps = 1e-6F,
                                                  .reserved = 0};
    Launch launch{.kernel = test::kernel("test_rms_norm_f32"), .grid = {kRows}, .threadgroup = {size.n_threads}};
    launch.buffer(0, x.data(), x.size() * 4).buffer(1, out.data(), out.size() * 4).bytes(2, arguments);
    launch.threadgroup_length(0, 128).constant(0, true);
    launch.resident.push_back({const_cast<float*>(weight.data()), weight.size() * 4});
    const Result result = run(launch, options());
    ASSERT_TRUE(result.clean()) << result.text();
    for (std::uint32_t row = 0; row < kRows; ++row) {
      double sum = 0;
      for (std::uint32_t i = 0; i < size.n; ++i) sum += double{x[row * size.n + i]} * x[row * size.n + i];
      const double scale = 1 / std::sqrt(sum / size.n + double{1e-6F});
      // n + 8 roundings of the sum halve in the root; five more follow.
      const double relative = ((size.n + 8.0) / 2 + 5) * kUnit;
      for (std::uint32_t i = 0; i < size.n; ++i) {
        const double expected = x[row * size.n + i] * scale * weight[i];
        ASSERT_LE(test::error_of(out[row * size.n + i], expected), std::abs(expected) * relative + 1e-30);
      }
    }
  }
}

TEST_P(Kernels, RmsNormInHalfWithoutWeight) {
  constexpr std::uint32_t kN = 200;
  test::Numbers numbers(5);
  std::vector<std::uint16_t> x(kN);
  for (auto& value : x) value = marlin::float_to_half(numbers.next());
  std::vector<std::uint16_t> out(kN, 0x7e00);
  const marlin::abi::RmsNormArguments arguments{
      .weight = 0, .n_rows = 1, .n = kN, .in_stride = kN, .out_stride = kN, .eps = 1e-5F, .reserved = 0};
  Launch launch{.kernel = test::kernel("test_rms_norm_f16"), .grid = {1}, .threadgroup = {64}};
  launch.buffer(0, x.data(), kN * 2).buffer(1, out.data(), kN * 2).bytes(2, arguments);
  launch.threadgroup_length(0, 16).constant(0, false);
  const Result result = run(launch, options());
  ASSERT_TRUE(result.clean()) << result.text();
  double sum = 0;
  for (const std::uint16_t value : x) sum += std::pow(double{marlin::half_to_float(value)}, 2);
  const double scale = 1 / std::sqrt(sum / kN + double{1e-5F});
  for (std::uint32_t i = 0; i < kN; ++i) {
    const double expected = marlin::half_to_float(x[i]) * scale;
    // One rounding to half, and what the float part may move it.
    ASSERT_LE(test::error_of(marlin::half_to_float(out[i]), expected), std::abs(expected) * 0x1.01p-11 + 0x1p-25);
  }
}

TEST_P(Kernels, SumOverManyThreadgroups) {
  for (const std::uint32_t n : {1U, 31U, 1000U, 20'000U}) {
    const std::vector<float> x = test::Numbers(n).vector(n);
    float total = 0;
    Launch launch{.kernel = test::kernel("test_sum"), .grid = {900}, .threadgroup = {96}, .grid_in_threads = true};
    launch.buffer(0, x.data(), n * 4).buffer(1, &total, 4).bytes(2, n);
    const Result result = run(launch, options());
    ASSERT_TRUE(result.clean()) << result.text();
    double expected = 0;
    double magnitude = 0;
    for (const float value : x) {
      expected += value;
      magnitude += std::abs(value);
    }
    // Each term passes fewer roundings than n / 900 + 5 + 29.
    EXPECT_LE(test::error_of(total, expected), magnitude * (n / 900.0 + 36) * kUnit);
  }
}

float decoded(std::uint32_t state) {
  std::uint32_t hash = state * 89226354U + 64248484U;
  hash = (hash & 0x8fff8fffU) ^ 0x3b603b60U;
  const float sum = marlin::half_to_float(static_cast<std::uint16_t>(hash)) +
                    marlin::half_to_float(static_cast<std::uint16_t>(hash >> 16));
  return marlin::half_to_float(marlin::float_to_half(sum));
}

TEST_P(Kernels, TrellisProduct) {
  constexpr std::uint32_t kRows = 10;
  constexpr std::uint32_t kColumns = 520;
  constexpr std::uint32_t kWords = kColumns * 2 / 32 + 2;
  const struct { std::uint32_t rows, columns, words; } arguments{kRows, kColumns, kWords};
  test::Numbers numbers(9);
  std::vector<std::uint32_t> packed(kRows * kWords);
  for (auto& word : packed) word = numbers.bits();
  std::vector<std::uint16_t> scale(kRows);
  for (auto& value : scale) value = marlin::float_to_half(1 + numbers.next() / 2);
  std::vector<float> x(kColumns + 4);
  float* aligned = x.data();
  while (reinterpret_cast<std::uintptr_t>(aligned) % 16 != 0) ++aligned;
  for (std::uint32_t i = 0; i < kColumns; ++i) aligned[i] = numbers.next();
  std::vector<float> y(kRows, NAN);
  Launch launch{.kernel = test::kernel("test_trellis_product"), .grid = {3}, .threadgroup = {128}};
  launch.buffer(0, packed.data(), packed.size() * 4).buffer(1, scale.data(), scale.size() * 2);
  launch.buffer(2, aligned, kColumns * 4).buffer(3, y.data(), y.size() * 4).bytes(4, arguments);
  const Result result = run(launch, options());
  ASSERT_TRUE(result.clean()) << result.text();
  for (std::uint32_t row = 0; row < kRows; ++row) {
    double sum = 0;
    double magnitude = 0;
    for (std::uint32_t column = 0; column < kColumns; ++column) {
      const std::uint32_t* words = &packed[row * kWords + 2 * column / 32];
      const std::uint64_t window = (std::uint64_t{words[1]} << 32 | words[0]) >> (2 * column % 32);
      const double product = double{decoded(static_cast<std::uint32_t>(window & 0xffff))} * aligned[column];
      sum += product;
      magnitude += std::abs(product);
    }
    const double factor = marlin::half_to_float(scale[row]);
    // A lane adds ceil(520 / 256) times two products into four sums; 2 + 5 additions join them.
    EXPECT_LE(test::error_of(y[row], sum * factor), magnitude * factor * (3 * 2 + 2 + 5 + 2) * kUnit);
  }
}

template <class T>
void matrix_product(const char* name, T (*convert)(float), float (*back)(T), const Options& options) {
  constexpr std::uint32_t kM = 64;
  constexpr std::uint32_t kN = 32;
  constexpr std::uint32_t kK = 72;
  const struct { std::uint32_t m, n, k; } arguments{kM, kN, kK};
  test::Numbers numbers(11);
  std::vector<T> a(kM * kK);
  std::vector<T> b(kK * kN);
  for (T& value : a) value = convert(numbers.next());
  for (T& value : b) value = convert(numbers.next());
  std::vector<float> c(kM * kN, NAN);
  Launch launch{.kernel = test::kernel(name), .grid = {kN / 32, kM / 32}, .threadgroup = {128}};
  launch.buffer(0, a.data(), a.size() * sizeof(T)).buffer(1, b.data(), b.size() * sizeof(T));
  launch.buffer(2, c.data(), c.size() * 4).bytes(3, arguments);
  const Result result = run(launch, options);
  ASSERT_TRUE(result.clean()) << result.text();
  for (std::uint32_t row = 0; row < kM; ++row) {
    for (std::uint32_t column = 0; column < kN; ++column) {
      double sum = 0;
      double magnitude = 0;
      for (std::uint32_t k = 0; k < kK; ++k) {
        const double product = double{back(a[row * kK + k])} * back(b[k * kN + column]);
        sum += product;
        magnitude += std::abs(product);
      }
      ASSERT_LE(test::error_of(c[row * kN + column], sum), magnitude * (kK + 1) * kUnit);
    }
  }
}

TEST_P(Kernels, MatrixProductOfHalves) {
  matrix_product<std::uint16_t>("test_matrix_product_f16", marlin::float_to_half, marlin::half_to_float, options());
}

TEST_P(Kernels, MatrixProductOfFloats) {
  const auto same = [](float value) { return value; };
  matrix_product<float>("test_matrix_product_f32", same, same, options());
}

}  // namespace
}  // namespace msl
