// SPDX-License-Identifier: Apache-2.0
// Linear layers on the interpreter. Checked: a choice of conformance cases that meets every encoding, format,
// alignment, variant and kind of hostile value, at few rows. Full: all cases, unchecked.
#include "tests/backends/metal/kernel_test.h"
#include "tests/ops/error_bound.h"
#include "tests/ops/linear_cases.h"
#include "tests/ops/test_matrix.h"
#include "tests/support/near_norm.h"

namespace marlin {
namespace {

using test::LinearCase;

LinearCase with_gaps(const test::MatrixSpec& matrix, std::size_t turn) {
  return {matrix, turn % 3, turn % 2 * 5, turn % 4 == 1 ? ops::Output::kAccumulate : ops::Output::kReplace, {}};
}

constexpr abi::MatrixFormat kPlainFormats[] = {abi::MatrixFormat::kF32, abi::MatrixFormat::kF16,
                                               abi::MatrixFormat::kBf16};

class MetalMatmul : public test::KernelTest {};
MARLIN_CHECKED_RUNS(MetalMatmul);

TEST_P(MetalMatmul, EveryEncoding) {
  std::size_t turn = 0;
  for (int bits = 1; bits <= 8; ++bits) {
    for (const Codebook codebook : {Codebook::k3Inst, Codebook::kMcg, Codebook::kMul1}) {
      const bool bias = turn % 2 == 0;
      const LinearCase linear =
          with_gaps({abi::MatrixFormat::kExl3, 128, 100, bits, codebook, bias, {}, turn % 4}, turn);
      test::check_linear(device(), linear, 2);
      ++turn;
    }
  }
}

TEST_P(MetalMatmul, PlainFormatsAtEveryAlignment) {
  std::size_t turn = 0;
  for (const abi::MatrixFormat format : kPlainFormats) {
    for (std::size_t misalignment = 0; misalignment < 4; ++misalignment) {
      const std::size_t n_in = 30 + turn % 4;
      test::check_linear(device(), with_gaps({format, n_in, 7, 0, Codebook::kMul1, true, {}, misalignment}, turn), 2);
      ++turn;
    }
  }
}

// More than one block, part of a block and part of a tile of rows, in every direction.
TEST_P(MetalMatmul, RaggedTiles) {
  test::check_linear(device(), with_gaps({abi::MatrixFormat::kExl3, 200, 130, 3, Codebook::kMul1, true, {}, 0}, 1), 35);
  test::check_linear(device(), with_gaps({abi::MatrixFormat::kF16, 37, 131, 0, Codebook::kMul1, true, {}, 2}, 2), 35);
  test::check_linear(device(), with_gaps({abi::MatrixFormat::kBf16, 40, 9, 0, Codebook::kMul1, false, {}, 0}, 3), 130);
  test::check_linear(device(), with_gaps({abi::MatrixFormat::kF32, 1, 1, 0, Codebook::kMul1, false, {}, 0}, 4), 3);
}

TEST_P(MetalMatmul, HostileValues) {
  for (const LinearCase& linear : test::hostile_linear_cases()) test::check_linear(device(), linear, 1);
}

// The kernels that multiply row by row take any number of simdgroups; those of tiles want four.
TEST(MetalMatmulThreads, AnyNumberOfSimdgroups) {
  for (const std::uint32_t n_threads : {32U, 96U, 224U}) {
    const auto device = test::create_direct_device({.max_total_threads = n_threads});
    for (const abi::MatrixFormat format : {abi::MatrixFormat::kExl3, abi::MatrixFormat::kF16}) {
      constexpr std::size_t kRows = 5;
      const test::TestMatrix matrix(*device, {format, 200, 130, 5, Codebook::kMcg, true, {}, 0}, 1);
      const std::vector<float> input = test::normal_tensor(kRows * 200, 2);
      const test::DeviceRows x(*device, std::span<const float>(input), 200, 0);
      const test::DeviceTensor<float> scratch(*device, kRows * 256);
      for (const abi::KernelVariant variant : {abi::KernelVariant::kDecode, abi::KernelVariant::kPrefill4}) {
        const test::DeviceRows y(*device, kRows, 130, 0);
        test::run_on(*device, [&](CommandBuffer& commands) {
          ops::linear(commands, matrix.matrix(), x.rows(), y.rows(), kRows, scratch.view(), variant);
        });
        const reference::Tensor exact = test::to_doubles(input);
        test::expect_within(y.values(), matrix.product(exact), matrix.error_bound(exact), "y");
      }
    }
  }
}

class FullMetalMatmul : public test::KernelTest {};
INSTANTIATE_TEST_SUITE_P(Fast, FullMetalMatmul,
                         ::testing::Values(test::KernelRun{"fast_512", {.checked = false, .max_total_threads = 512}}),
                         test::kernel_run_name);

TEST_P(FullMetalMatmul, Cases) {
  for (const LinearCase& linear : test::linear_cases()) test::check_linear(device(), linear);
}

TEST_P(FullMetalMatmul, HostileCases) {
  for (const LinearCase& linear : test::hostile_linear_cases()) test::check_linear(device(), linear);
}

}  // namespace
}  // namespace marlin
