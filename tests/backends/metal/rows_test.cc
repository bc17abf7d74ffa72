// SPDX-License-Identifier: Apache-2.0
// Kernels of rows.metal: the conformance cases of tests/ops, memory, and what they report.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "abi/embed.h"
#include "abi/finite_guard.h"
#include "abi/kernel_failure.h"
#include "ops/embed.h"
#include "ops/fill.h"
#include "ops/finite_guard.h"
#include "tests/backends/metal/kernel_test.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/mask_logits_cases.h"
#include "tests/ops/row_cases.h"
#include "tests/ops/test_matrix.h"
#include "tests/support/error_of.h"
#include "tests/support/random_tensor.h"

namespace marlin {
namespace {

class MetalRows : public test::KernelTest {};
MARLIN_CHECKED_RUNS(MetalRows);
MARLIN_NARROW_RUN(MetalRows);

TEST_P(MetalRows, Copy) { test::check_copy(device()); }
TEST_P(MetalRows, Embed) { test::check_embed(device()); }
TEST_P(MetalRows, RmsNorm) { test::check_rms_norm(device()); }
TEST_P(MetalRows, Rope) { test::check_rope(device()); }
TEST_P(MetalRows, KvAppend) { test::check_kv_append(device()); }
TEST_P(MetalRows, Int8KvAppend) { test::check_int8_kv_append(device()); }
TEST_P(MetalRows, Int8KvAppendOfHostileGroups) { test::check_int8_kv_append_of_hostile_groups(device()); }

TEST_P(MetalRows, MaskLogits) {
  for (const std::size_t n : {1U, 31U, 32U, 33U, 257U, 1000U}) test::check_mask_logits(device(), n);
}

TEST_P(MetalRows, Fill) {
  for (const std::size_t n : {1U, 3U, 31U, 255U, 256U, 257U, 4097U}) {
    const test::DeviceTensor<std::uint32_t> out(device(), n);
    test::run_on(device(), [&](CommandBuffer& commands) { ops::fill(commands, out.view(), 0xDEADBEEF); });
    EXPECT_EQ(out.values(), std::vector<std::uint32_t>(n, 0xDEADBEEF)) << n;
  }
}

TEST_P(MetalRows, EmbedReportsAnIdOutsideOfTheVocabulary) {
  constexpr std::uint32_t kWidth = 300;
  const std::vector<float> values(3 * std::size_t{kWidth}, 1.0F);
  const test::DeviceTensor<float> weights(device(), std::span<const float>(values));
  abi::Matrix table{};
  table.weights = weights.view().device_address();
  table.n_in = table.stored_in = kWidth;
  table.n_out = table.stored_out = 3;
  const test::DeviceTensor<std::int32_t> chosen(device(), std::array{3});  // outside, too
  for (const std::int32_t id : {3, -1, -2, std::numeric_limits<std::int32_t>::max(), std::numeric_limits<int>::min()}) {
    const std::vector<std::int32_t> tokens = {2, id, 0};
    const test::DeviceTensor<std::int32_t> ids(device(), std::span<const std::int32_t>(tokens));
    const test::DeviceTensor<float> out(device(), 3 * std::size_t{kWidth});
    const Error error = test::error_of([&] {
      test::run_on(device(), [&](CommandBuffer& commands) {
        ops::embed(commands, table, ids.view(), chosen.view(), out.view(), 3);
      });
    });
    EXPECT_STREQ(error.what(), "embed_f32: failure 1") << id;
  }
}

/// Conformance cases have their tables at odd addresses; these are at those of their elements.
TEST_P(MetalRows, EmbedsFromAlignedTables) {
  constexpr std::uint32_t kWidth = 37;
  for (const auto format : {abi::MatrixFormat::kF32, abi::MatrixFormat::kF16, abi::MatrixFormat::kBf16}) {
    const std::vector<float> values = test::normal_tensor(3 * std::size_t{kWidth}, 1, 1.0, test::element_of(format));
    const std::vector<std::byte> bytes = test::stored_bytes(values, test::element_of(format));
    const auto buffer = device().allocate(bytes.size(), "table");
    std::copy(bytes.begin(), bytes.end(), buffer->host());
    abi::Matrix table{};
    table.weights = buffer->device_address();
    table.n_in = table.stored_in = kWidth;
    table.n_out = table.stored_out = 3;
    table.format = format;
    const std::vector<std::int32_t> tokens = {0, 1, 2};
    const test::DeviceTensor<std::int32_t> ids(device(), std::span<const std::int32_t>(tokens));
    const test::DeviceTensor<float> out(device(), values.size());
    test::run_on(device(),
                 [&](CommandBuffer& commands) { ops::embed(commands, table, ids.view(), ids.view(), out.view(), 3); });
    EXPECT_EQ(out.values(), values);
  }
}

/// Whether finite_guard lets rows pass.
bool passes(Device& device, const std::vector<float>& values, std::int64_t width) {
  const test::DeviceTensor<float> x(device, std::span<const float>(values));
  const auto commands = device.create_command_buffer("guarded");
  ops::finite_guard(*commands, x.view(), static_cast<std::int64_t>(values.size()) / width, width,
                    abi::GuardedStage::kMlp, 3);
  commands->commit();
  try {
    commands->wait();
    return true;
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "finite_guard_f32: failure 2");
    return false;
  }
}

TEST_P(MetalRows, FiniteGuardReportsWhateverIsNotFinite) {
  using Limits = std::numeric_limits<float>;
  EXPECT_TRUE(passes(
      device(), {0.0F, -0.0F, 1.0F, Limits::max(), Limits::lowest(), Limits::min(), Limits::denorm_min(), -1.0F}, 4));
  EXPECT_TRUE(passes(device(), std::vector<float>(7 * 333, Limits::max()), 333));
  EXPECT_TRUE(passes(device(), {}, 8));
  for (const float wrong : {Limits::quiet_NaN(), Limits::signaling_NaN(), Limits::infinity(), -Limits::infinity()}) {
    for (std::size_t at = 0; at < 3 * 19; ++at) {
      std::vector<float> values(3 * 19, Limits::max());
      values[at] = wrong;
      EXPECT_FALSE(passes(device(), values, 19)) << wrong << " at " << at;
    }
  }
  EXPECT_FALSE(passes(device(), std::vector<float>(3 * 300, Limits::quiet_NaN()), 300));  // all threads report
}

/// Runs a kernel in threadgroups of 32 and returns what it reports.
template <typename Arguments>
abi::KernelFailure failure_of(const char* kernel, const Arguments& arguments, msl::Size grid,
                              std::vector<msl::ByteRange> bindings, const std::vector<msl::ByteRange>& resident) {
  abi::KernelFailure failure{};
  msl::Launch launch{.kernel = msl::find_kernel(kernel), .grid = grid, .threadgroup = {32}};
  launch.bytes(0, arguments).buffer(abi::kKernelFailureIndex, &failure, sizeof(failure));
  for (std::uint32_t i = 0; i < bindings.size(); ++i) launch.buffer(i + 1, bindings[i].data, bindings[i].size);
  launch.resident = resident;
  const msl::Result result = msl::run(launch);
  EXPECT_TRUE(result.clean()) << result.text();
  return failure;
}

TEST(MetalRowsFailure, NamesRowAndToken) {
  std::vector<float> table(3 * 8, 1.0F);
  std::vector<float> out(2 * 8);
  std::vector<std::int32_t> ids = {0, -7};
  abi::EmbedArguments arguments{};
  arguments.table.weights = std::bit_cast<std::uint64_t>(table.data());
  arguments.table.n_in = 8;
  arguments.table.n_out = 3;
  arguments.n_rows = 2;
  const abi::KernelFailure failure =
      failure_of("embed_f32", arguments, {1, 2}, {{ids.data(), 8}, {ids.data(), 0}, {out.data(), out.size() * 4}},
                 {{table.data(), table.size() * 4}});
  EXPECT_EQ(failure.code, static_cast<std::uint32_t>(abi::KernelFailureCode::kTokenId));
  EXPECT_EQ(failure.details[0], 1U);
  EXPECT_EQ(static_cast<std::int32_t>(failure.details[1]), -7);
}

TEST(MetalRowsFailure, NamesStageLayerAndRow) {
  std::vector<float> x(2 * 40, 1.0F);
  x[70] = std::numeric_limits<float>::infinity();
  const abi::FiniteGuardArguments arguments{
      .n_rows = 2, .width = 40, .layer = 17, .stage = abi::GuardedStage::kAttention};
  const abi::KernelFailure failure = failure_of("finite_guard_f32", arguments, {2}, {{x.data(), x.size() * 4}}, {});
  EXPECT_EQ(failure.code, static_cast<std::uint32_t>(abi::KernelFailureCode::kNotFinite));
  EXPECT_EQ(failure.details[0], static_cast<std::uint32_t>(abi::GuardedStage::kAttention));
  EXPECT_EQ(failure.details[1], 17U);
  EXPECT_EQ(failure.details[2], 1U);
}

}  // namespace
}  // namespace marlin
