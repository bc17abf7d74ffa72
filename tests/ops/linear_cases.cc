// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/linear_cases.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

#include "ops/kernel_variant.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/error_bound.h"
#include "tests/support/near_norm.h"

namespace marlin::test {
namespace {

// below, at and above every blocking of rows that a kernel is likely to use
constexpr std::size_t kRowCounts[] = {1, 2, 3, 4, 5, 8, 17, 33, 63, 64, 65, kMaxLinearRows};

struct Shape {
  std::size_t n_in;
  std::size_t n_out;
};

// whole and partial 128-blocks on either side, single elements, primes
constexpr Shape kExl3Shapes[] = {{128, 128}, {256, 384}, {100, 300}, {129, 127}, {384, 1}, {1, 257}, {640, 130}};
constexpr Shape kPlainShapes[] = {{1, 1},    {7, 5},     {31, 129}, {64, 128}, {131, 17},
                                  {16, 256}, {257, 131}, {1000, 3}, {2, 1},    {33, 64}};

constexpr Codebook kCodebooks[] = {Codebook::k3Inst, Codebook::kMcg, Codebook::kMul1};
constexpr abi::MatrixFormat kPlainFormats[] = {abi::MatrixFormat::kF32, abi::MatrixFormat::kF16,
                                               abi::MatrixFormat::kBf16};

MatrixSpec exl3(Shape shape, int bits, Codebook codebook, bool bias) {
  return {abi::MatrixFormat::kExl3, shape.n_in, shape.n_out, bits, codebook, bias, {}};
}

MatrixSpec plain(abi::MatrixFormat format, Shape shape, bool bias) {
  return {format, shape.n_in, shape.n_out, 0, Codebook::kMul1, bias, {}};
}

/// Varies gaps, bias and output mode along the table, so that each meets each format.
LinearCase numbered(std::size_t index, MatrixSpec matrix) {
  matrix.bias = index % 2 == 1;
  return {matrix,
          index % 3 == 0 ? 0U : 5U,
          index % 4 < 2 ? 0U : 3U,
          index % 5 < 3 ? ops::Output::kReplace : ops::Output::kAccumulate,
          {}};
}

/// Inputs of one call: rows [first, first + n_rows) of all.
struct Call {
  const LinearCase& linear;
  const TestMatrix& matrix;
  std::span<const float> x;  // [n_rows, n_in]
  std::span<const float> y;  // [n_rows, n_out], what accumulating adds to
  abi::KernelVariant variant;
};

/// The variant that this many rows take; without rows any does.
abi::KernelVariant usual_variant(std::size_t n_rows) {
  return n_rows == 0 ? abi::KernelVariant::kDecode : ops::variant_for_batch(static_cast<std::int64_t>(n_rows));
}

std::vector<float> run(Device& device, const Call& call) {
  const std::size_t n_rows = call.x.size() / call.linear.matrix.n_in;
  const DeviceRows x(device, call.x, call.linear.matrix.n_in, call.linear.in_gap);
  DeviceRows y(device, n_rows, call.linear.matrix.n_out, call.linear.out_gap);
  if (call.linear.output == ops::Output::kAccumulate) y.set(call.y);
  const auto rows = static_cast<std::int64_t>(n_rows);
  const auto scratch_floats = ops::linear_scratch_floats(call.matrix.matrix(), rows);
  const DeviceTensor<float> scratch(device, static_cast<std::size_t>(scratch_floats));
  run_on(device, [&](CommandBuffer& commands) {
    ops::linear(commands, call.matrix.matrix(), x.rows(), y.rows(), rows, scratch.view(), call.variant,
                call.linear.output);
  });
  return y.values();
}

}  // namespace

std::string describe(const LinearCase& linear) {
  return fmt::format("{}; gaps {} and {}{}{}", describe(linear.matrix), linear.in_gap, linear.out_gap,
                     linear.output == ops::Output::kAccumulate ? ", accumulating" : "",
                     linear.hostile_x ? fmt::format(", hostile x {}", static_cast<int>(*linear.hostile_x)) : "");
}

std::vector<LinearCase> linear_cases() {
  std::vector<LinearCase> cases;
  for (int bits = 1; bits <= 8; ++bits) {
    for (const Codebook codebook : kCodebooks) {
      const Shape shape = kExl3Shapes[cases.size() % std::size(kExl3Shapes)];
      cases.push_back(numbered(cases.size(), exl3(shape, bits, codebook, false)));
      if (codebook == Codebook::kMul1 && (bits == 3 || bits == 7)) {
        for (const Shape each : kExl3Shapes) cases.push_back(numbered(cases.size(), exl3(each, bits, codebook, false)));
      }
    }
  }
  for (const abi::MatrixFormat format : kPlainFormats) {
    for (const Shape shape : kPlainShapes) cases.push_back(numbered(cases.size(), plain(format, shape, false)));
  }
  return cases;
}

std::vector<LinearCase> hostile_linear_cases() {
  std::vector<LinearCase> cases;
  for (const Hostile hostile : kAllHostile) {
    std::vector<MatrixSpec> matrices = {exl3({130, 200}, 3, Codebook::kMcg, true),
                                        exl3({256, 128}, 4, Codebook::kMul1, false),
                                        exl3({128, 100}, 6, Codebook::k3Inst, false)};
    for (const abi::MatrixFormat format : kPlainFormats) matrices.push_back(plain(format, {77, 33}, true));
    for (MatrixSpec matrix : matrices) {
      LinearCase with_x{matrix, 1, 2, ops::Output::kReplace, hostile};
      cases.push_back(with_x);
      matrix.hostile = hostile;
      cases.push_back({matrix, 0, 0, ops::Output::kReplace, {}});
    }
  }
  return cases;
}

void check_linear(Device& device, const LinearCase& linear, std::size_t max_rows) {
  SCOPED_TRACE(describe(linear));
  const std::size_t n_in = linear.matrix.n_in;
  const std::size_t n_out = linear.matrix.n_out;
  const TestMatrix matrix(device, linear.matrix, 100 + n_in);
  // Sums of the largest float32 would overflow, which no kernel owes an answer: 2^-20 keeps huge values huge but
  // summable.
  const bool is_hostile = linear.hostile_x.has_value() || linear.matrix.hostile.has_value();
  std::vector<float> x = linear.hostile_x ? hostile_tensor(*linear.hostile_x, max_rows * n_in, 200 + n_out)
                                          : normal_tensor(max_rows * n_in, 200 + n_out);
  if (is_hostile) std::transform(x.begin(), x.end(), x.begin(), [](float v) { return v * 0x1p-20F; });
  const std::vector<float> y0 = normal_tensor(max_rows * n_out, 300);
  reference::Tensor expected = matrix.product(to_doubles(x));
  reference::Tensor bound = matrix.error_bound(to_doubles(x));
  if (linear.output == ops::Output::kAccumulate) {
    expected = reference::add(expected, to_doubles(y0));
    for (std::size_t i = 0; i < bound.size(); ++i) bound[i] += kUnit * std::fabs(expected[i]);
  }
  const auto call_variant = [&](std::size_t first, std::size_t n_rows, abi::KernelVariant variant) {
    return run(device, {linear, matrix, std::span(x).subspan(first * n_in, n_rows * n_in),
                        std::span(y0).subspan(first * n_out, n_rows * n_out), variant});
  };
  std::array<std::vector<float>, abi::kAllVariants.size()> all;  // rows by variant
  const auto all_of = [&](abi::KernelVariant variant) -> std::vector<float>& {
    return all.at(static_cast<std::size_t>(variant));
  };
  for (const abi::KernelVariant variant : abi::kAllVariants) {
    const std::string name(abi::variant_name(variant));
    all_of(variant) = call_variant(0, max_rows, variant);
    if (!expect_within(all_of(variant), expected, bound, name)) return;
    if (device.info().variants_agree && !expect_same_bits(all_of(variant), all.front(), name)) return;
  }
  const auto expect_same_rows = [&](std::size_t first, std::size_t n_rows) {
    const abi::KernelVariant variant = usual_variant(n_rows);
    const auto same = std::span(all_of(variant)).subspan(first * n_out, n_rows * n_out);
    return expect_same_bits(call_variant(first, n_rows, variant), same, fmt::format("{} rows at {}", n_rows, first));
  };
  for (const std::size_t n_rows : kRowCounts) {
    if (n_rows <= max_rows && !expect_same_rows(0, n_rows)) return;
  }
  for (const std::size_t row : {max_rows / 2 + 1, max_rows - 1}) {
    if (row < max_rows && !expect_same_rows(row, 1)) return;
  }
}

}  // namespace marlin::test
