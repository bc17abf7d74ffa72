// SPDX-License-Identifier: Apache-2.0
// ops::linear on every backend; the cases are in linear_cases.cc.
#include "ops/linear.h"

#include <gtest/gtest.h>

#include "tests/ops/linear_cases.h"
#include "tests/ops/op_test.h"
#include "tests/support/error_of.h"
#include "tests/support/exl3_layer.h"
#include "tests/support/near_norm.h"

namespace marlin {
namespace {

class Linear : public test::OpTest {};
MARLIN_ON_EVERY_BACKEND(Linear);

TEST_P(Linear, MatchesTheReference) {
  MARLIN_REQUIRE_KERNELS("matmul_decode_f32", "matmul_prefill4_f32", "matmul_base_f32", "matmul_large_batch_f32",
                         "exl3_transform_f32");
  for (const test::LinearCase& linear : test::linear_cases()) test::check_linear(device(), linear);
}

TEST_P(Linear, SurvivesHostileValues) {
  MARLIN_REQUIRE_KERNELS("matmul_decode_f32", "matmul_prefill4_f32", "matmul_base_f32", "matmul_large_batch_f32",
                         "exl3_transform_f32");
  for (const test::LinearCase& linear : test::hostile_linear_cases()) test::check_linear(device(), linear);
}

// Several layers share one scratch in one command buffer: each must wait for the one before.
TEST_P(Linear, LayersInARowShareScratch) {
  MARLIN_REQUIRE_KERNELS("matmul_decode_f32", "matmul_prefill4_f32", "matmul_base_f32", "matmul_large_batch_f32",
                         "exl3_transform_f32");
  constexpr std::size_t kWidth = 256;
  constexpr std::size_t kRows = 6;
  reference::Tensor expected = test::to_doubles(test::normal_tensor(kRows * kWidth, 1));
  const std::vector<float> x(expected.begin(), expected.end());
  const test::DeviceRows a(device(), std::span<const float>(x), kWidth, 0);
  const test::DeviceRows b(device(), kRows, kWidth, 0);
  const test::DeviceTensor<float> scratch(device(), kRows * kWidth);
  std::vector<std::unique_ptr<test::TestMatrix>> layers;
  for (int i = 0; i < 6; ++i) {
    const test::MatrixSpec spec{abi::MatrixFormat::kExl3, kWidth, kWidth, 2 + i, Codebook::kMul1, false, {}};
    layers.push_back(std::make_unique<test::TestMatrix>(device(), spec, 10 + static_cast<std::uint64_t>(i)));
    expected = layers.back()->product(expected);
  }
  test::run_on(device(), [&](CommandBuffer& commands) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const bool forth = i % 2 == 0;
      ops::linear(commands, layers[i]->matrix(), forth ? a.rows() : b.rows(), forth ? b.rows() : a.rows(), kRows,
                  scratch.view(), abi::KernelVariant::kPrefill4);
    }
  });
  // six layers, each within the bound of check_linear() and passing on the error of those before
  const double each = device().info().multiplies_binary16 ? 5e-4 : device().info().mul1_in_integers ? 4e-5 : 5e-6;
  test::expect_near_norm(std::span<const float>(a.values()), expected, 6 * each * 4, "six layers");
}

TEST_P(Linear, NoRowsAreNoWork) {
  MARLIN_REQUIRE_KERNELS("matmul_decode_f32", "matmul_prefill4_f32", "matmul_base_f32", "matmul_large_batch_f32",
                         "exl3_transform_f32");
  const test::TestMatrix matrix(device(), {abi::MatrixFormat::kExl3, 128, 128, 4, Codebook::kMul1, true, {}}, 1);
  const test::DeviceRows x(device(), 0, 128, 0);
  const test::DeviceRows y(device(), 0, 128, 0);
  const test::DeviceTensor<float> scratch(device(), 0);
  test::run_on(device(), [&](CommandBuffer& commands) {
    ops::linear(commands, matrix.matrix(), x.rows(), y.rows(), 0, scratch.view(), abi::KernelVariant::kDecode);
  });
}

TEST_P(Linear, RefusesOperandsThatAreTooSmall) {
  const test::TestMatrix matrix(device(), {abi::MatrixFormat::kExl3, 100, 100, 4, Codebook::kMul1, false, {}}, 1);
  const test::DeviceRows enough(device(), 2, 100, 0);
  const test::DeviceRows one_row(device(), 1, 100, 0);
  const test::DeviceTensor<float> scratch(device(), 2 * 128);
  const test::DeviceTensor<float> small_scratch(device(), 2 * 128 - 1);
  const auto commands = device().create_command_buffer("refused");
  const auto refused = [&](const ops::Rows& x, const ops::Rows& y, const BufferView& memory) {
    return test::error_of(
               [&] { ops::linear(*commands, matrix.matrix(), x, y, 2, memory, abi::KernelVariant::kPrefill4); })
        .code();
  };
  EXPECT_EQ(refused(one_row.rows(), enough.rows(), scratch.view()), ErrorCode::kInternal);
  EXPECT_EQ(refused(enough.rows(), one_row.rows(), scratch.view()), ErrorCode::kInternal);
  EXPECT_EQ(refused(enough.rows(), enough.rows(), small_scratch.view()), ErrorCode::kInternal);
  const ops::Rows overlapping{enough.rows().view, 99};
  EXPECT_EQ(refused(overlapping, enough.rows(), scratch.view()), ErrorCode::kInternal);
}

}  // namespace
}  // namespace marlin
