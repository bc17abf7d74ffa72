// SPDX-License-Identifier: Apache-2.0
// The shim's functions against scalar code written here, and what launches tell the kernel: positions, constants,
// addresses inside structs.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <numeric>

#include "abi/moe.h"
#include "launch_options.h"

namespace msl {
namespace {

class Functions : public ::testing::TestWithParam<int> {
 protected:
  static void expect_clean(const Launch& launch) {
    const Result result = run(launch, test::every_way()[static_cast<std::size_t>(GetParam())]);
    ASSERT_TRUE(result.clean()) << result.text();
  }
};

INSTANTIATE_TEST_SUITE_P(EveryWay, Functions, ::testing::Range(0, 4));

TEST_P(Functions, OfSimdgroups) {
  std::array<std::int32_t, 32> x{};
  test::Numbers numbers(1);
  for (auto& value : x) value = static_cast<std::int32_t>(numbers.bits() % 2000) - 1000;
  std::array<std::int32_t, 23 * 32> out{};
  Launch launch{.kernel = test::kernel("test_simd_functions"), .grid = {1}, .threadgroup = {32}};
  launch.buffer(0, x.data(), sizeof(x)).buffer(1, out.data(), sizeof(out));
  expect_clean(launch);
  const auto fold = [&](auto operation) { return std::accumulate(x.begin() + 1, x.end(), x[0], operation); };
  for (int lane = 0; lane < 32; ++lane) {
    const auto row = [&](int n) { return out[static_cast<std::size_t>(n * 32 + lane)]; };
    const auto at = [&](int i) { return x[static_cast<std::size_t>(i)]; };
    SCOPED_TRACE(lane);
    EXPECT_EQ(row(0), fold([](int a, int b) { return a + b; }));
    EXPECT_EQ(row(1), *std::max_element(x.begin(), x.end()));
    EXPECT_EQ(row(2), *std::min_element(x.begin(), x.end()));
    EXPECT_EQ(row(3), fold([](int a, int b) { return a | b; }));
    EXPECT_EQ(row(4), fold([](int a, int b) { return a & b; }));
    EXPECT_EQ(row(5), fold([](int a, int b) { return a ^ b; }));
    EXPECT_EQ(row(6), at(31 - lane));
    EXPECT_EQ(row(7), at(lane ^ 5));
    EXPECT_EQ(row(8), lane >= 3 ? at(lane - 3) : at(lane));
    EXPECT_EQ(row(9), lane < 29 ? at(lane + 3) : at(lane));
    EXPECT_EQ(row(10), at((lane + 29) % 32));
    EXPECT_EQ(row(11), at((lane + 3) % 32));
    EXPECT_EQ(row(12), x[17]);
    EXPECT_EQ(row(13), std::accumulate(x.begin(), x.begin() + lane + 1, 0));
    EXPECT_EQ(row(14), std::accumulate(x.begin(), x.begin() + lane, 0));
    EXPECT_EQ(row(15), 1);
    EXPECT_EQ(row(16), 1);
    EXPECT_EQ(row(17), lane >= 5 ? x[5] : 0);
    int odd_sum = 0;
    int odd_prefix = 0;
    for (int i = 1; i < 32; i += 2) {
      odd_sum += at(i);
      if (i <= lane) odd_prefix += at(i);
    }
    EXPECT_EQ(row(18), lane % 2 == 1 ? odd_sum : 0);
    EXPECT_EQ(row(19), lane % 2 == 1 ? odd_prefix : 0);
    EXPECT_EQ(row(20), 1 << std::min(lane + 1, 3));
    EXPECT_EQ(row(21), 1 << std::min(lane, 3));
    EXPECT_EQ(row(22), 1024);
  }
}

TEST_P(Functions, HalfRoundsAfterEveryOperation) {
  const auto half = [](double value) { return marlin::double_to_half(value); };
  const auto value = [](std::uint16_t bits) { return double{marlin::half_to_float(bits)}; };
  const std::array<std::uint16_t, 3> x = {half(1.0), half(0x1p-11), half(0x1p-10)};
  std::array<std::uint16_t, 8> out{};
  Launch launch{.kernel = test::kernel("test_half"), .grid = {1}, .threadgroup = {1}};
  launch.buffer(0, x.data(), sizeof(x)).buffer(1, out.data(), sizeof(out));
  expect_clean(launch);
  EXPECT_EQ(out[0], half(1.0));  // a tie, to even
  EXPECT_EQ(out[1], half(1.0));  // and again: one rounding at the end would give 1 + 2^-10
  EXPECT_EQ(out[2], half(std::pow(value(half(1 + 0x1p-10)), 2)));
  EXPECT_EQ(out[3], half(3.0 / 7.0));
  EXPECT_EQ(out[4], half(0x1p-11 + 0x1p-10));
  EXPECT_EQ(out[5], half(1.0));
  EXPECT_EQ(out[6], half(0x1p-10));
  EXPECT_EQ(out[7], 0x7c00);
}

TEST_P(Functions, BfloatRoundsToNearestEven) {
  const std::array<std::uint32_t, 10> bits = {0x3f800000, 0x3f808000, 0x3f818000, 0x3f808001, 0xbf808000,
                                              0x7f7fffff, 0x7f800000, 0x00008000, 0x00018000, 0x80000000};
  const std::array<std::uint16_t, 10> expected = {0x3f80, 0x3f80, 0x3f82, 0x3f81, 0xbf80,
                                                  0x7f80, 0x7f80, 0x0000, 0x0002, 0x8000};
  std::array<std::uint16_t, 10> narrow{};
  std::array<float, 10> wide{};
  Launch launch{.kernel = test::kernel("test_bfloat"), .grid = {10}, .threadgroup = {32}, .grid_in_threads = true};
  launch.buffer(0, bits.data(), sizeof(bits)).buffer(1, narrow.data(), sizeof(narrow));
  launch.buffer(2, wide.data(), sizeof(wide));
  expect_clean(launch);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    EXPECT_EQ(narrow[i], expected[i]) << i;
    EXPECT_EQ(std::bit_cast<std::uint32_t>(wide[i]), std::uint32_t{expected[i]} << 16) << i;
  }
}

TEST_P(Functions, OfVectors) {
  std::array<float, 16> out{};
  Launch launch{.kernel = test::kernel("test_vectors"), .grid = {1}, .threadgroup = {1}};
  launch.buffer(0, out.data(), sizeof(out));
  expect_clean(launch);
  const std::array<float, 16> expected = {4 + 6 + 6 + 4,     2 + 3, 6 + 4 + 3 + 1, 3,    4 + 1, 2 + 2, 2,
                                          8 + 31 + 3 + 0xbc, 3,     3 + 2,         0.1F, 127,   0x18,  16 + 8 + 8,
                                          3 + 4 - 1,         56};
  EXPECT_EQ(out, expected);
}

TEST_P(Functions, PositionsOfARaggedGrid) {
  constexpr std::uint32_t kWidth = 70;
  constexpr std::uint32_t kHeight = 5;
  std::vector<std::uint32_t> out(kWidth * kHeight * 14, ~0U);
  Launch launch{.kernel = test::kernel("test_positions"),
                .grid = {kWidth, kHeight},
                .threadgroup = {32, 2},
                .grid_in_threads = true};
  launch.buffer(0, out.data(), out.size() * 4).bytes(1, kWidth);
  expect_clean(launch);
  for (std::uint32_t y = 0; y < kHeight; ++y) {
    for (std::uint32_t x = 0; x < kWidth; ++x) {
      const std::uint32_t width = x < 64 ? 32 : 6;
      const std::uint32_t height = y < 4 ? 2 : 1;
      const std::uint32_t index = x % 32 + width * (y % 2);
      const std::array<std::uint32_t, 14> expected = {x / 32,
                                                      y / 2,
                                                      x % 32,
                                                      y % 2,
                                                      width,
                                                      height,
                                                      32,
                                                      3,
                                                      kWidth,
                                                      index,
                                                      index % 32,
                                                      index / 32,
                                                      (width * height + 31) / 32,
                                                      32};
      std::array<std::uint32_t, 14> actual{};
      std::copy_n(&out[14 * (x + kWidth * y)], 14, actual.begin());
      ASSERT_EQ(actual, expected) << x << ", " << y;
    }
  }
}

TEST_P(Functions, Atomics) {
  std::array<std::int32_t, 3> i{};
  std::array<std::uint32_t, 5> u = {0, ~0U, 0, 1000, 0};
  float f = 0;
  Launch launch{.kernel = test::kernel("test_atomics"), .grid = {3}, .threadgroup = {40}};
  launch.buffer(0, i.data(), sizeof(i)).buffer(1, u.data(), sizeof(u)).buffer(2, &f, sizeof(f));
  expect_clean(launch);
  std::uint32_t all_xor = 0;
  for (std::uint32_t t = 0; t < 120; ++t) all_xor ^= t;
  EXPECT_EQ(i, (std::array<std::int32_t, 3>{-119 * 60, 69, -50}));
  EXPECT_EQ(u, (std::array<std::uint32_t, 5>{0xfffff, ~0xfffffU, all_xor, 760, 360}));
  EXPECT_EQ(f, 60.0F);
}

TEST_P(Functions, FunctionConstantsBelongToALaunch) {
  std::array<std::int32_t, 4> out{};
  const std::array<std::int32_t, 4> extra = {100, 200, 300, 400};
  Launch launch{.kernel = test::kernel("test_constants"), .grid = {4}, .threadgroup = {4}, .grid_in_threads = true};
  launch.buffer(0, out.data(), sizeof(out));
  Launch with_extra = launch;
  with_extra.buffer(1, extra.data(), sizeof(extra)).constant(0, true).constant(1, std::int32_t{10});
  expect_clean(with_extra);
  EXPECT_EQ(out, (std::array<std::int32_t, 4>{100, 210, 320, 430}));
  launch.constant(0, false);  // and kScale is no longer defined, and buffer 1 may stay unbound
  expect_clean(launch);
  EXPECT_EQ(out, (std::array<std::int32_t, 4>{0, 1, 2, 3}));
}

TEST_P(Functions, AddressesInsideArguments) {
  std::vector<std::uint8_t> weights = {10, 11, 12, 13, 14, 15, 16, 17, 18};
  std::vector<marlin::abi::Expert> experts(3);
  for (std::size_t e = 0; e < 3; ++e) {
    experts[e].gate.weights = reinterpret_cast<std::uintptr_t>(weights.data() + e);
    experts[e].gate.bits = 4;
    experts[e].gate.format = e == 1 ? marlin::abi::MatrixFormat::kExl3 : marlin::abi::MatrixFormat::kF16;
  }
  marlin::abi::MoeArguments arguments{};
  arguments.experts = reinterpret_cast<std::uintptr_t>(experts.data());
  arguments.n_experts = 3;
  std::array<std::uint32_t, 3> out{};
  Launch launch{.kernel = test::kernel("test_expert_table"), .grid = {1}, .threadgroup = {32}};
  launch.bytes(0, arguments).buffer(1, out.data(), sizeof(out));
  launch.resident = {{experts.data(), experts.size() * sizeof(experts[0])}, {weights.data(), weights.size()}};
  expect_clean(launch);
  EXPECT_EQ(out, (std::array<std::uint32_t, 3>{14, 1015, 16}));
}

}  // namespace
}  // namespace msl
