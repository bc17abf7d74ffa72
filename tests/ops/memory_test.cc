// SPDX-License-Identifier: Apache-2.0
// Operations on memory as such, on every backend: filling it, and looking for numbers gone wrong in it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "ops/fill.h"
#include "ops/finite_guard.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/op_test.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

using abi::GuardedStage;
using Limits = std::numeric_limits<float>;

class MemoryOps : public test::OpTest {
 protected:
  /// Whether a guard lets these rows pass; `message` says why not.
  bool passes(const std::vector<float>& values, std::int64_t width, GuardedStage stage, std::int64_t layer,
              std::string* message = nullptr) {
    const test::DeviceTensor<float> x(device(), values);
    const auto guard = device().create_command_buffer("guarded");
    ops::finite_guard(*guard, x.view(), static_cast<std::int64_t>(values.size()) / width, width, stage, layer);
    guard->commit();
    try {
      guard->wait();
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kDevice);
      if (message != nullptr) *message = error.what();
      return false;
    }
  }

  static void expect_parts(const std::string& text, std::initializer_list<const char*> parts) {
    for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
  }
};
MARLIN_ON_EVERY_BACKEND(MemoryOps);

TEST_P(MemoryOps, FillWritesEveryValueAndNothingElse) {
  MARLIN_REQUIRE_KERNELS("fill_u32");
  for (const std::size_t n : {1U, 3U, 31U, 4097U, 16383U, 16384U, 16385U, 50001U}) {
    const test::DeviceTensor<std::uint32_t> out(device(), n);  // which checks what lies round it
    test::run_on(device(), [&](Encoder& encoder) { ops::fill(encoder, out.view(), 0xDEADBEEF); });
    EXPECT_EQ(out.values(), std::vector<std::uint32_t>(n, 0xDEADBEEF)) << n;
  }
}

TEST_P(MemoryOps, FillOfPartOfABufferLeavesTheRest) {
  MARLIN_REQUIRE_KERNELS("fill_u32");
  constexpr std::size_t kValues = 40000;
  for (const std::size_t first : {1U, 17U, 16384U}) {
    for (const std::size_t n : {1U, 5U, 16384U, 20001U}) {
      const auto buffer = device().allocate(kValues * 4, "partly filled");
      const BufferView part{buffer.get(), first * 4, n * 4};
      test::run_on(device(), [&](Encoder& encoder) { ops::fill(encoder, part, 7); });
      const BufferView whole{buffer.get(), 0, kValues * 4};
      const auto* values = whole.host_read<std::uint32_t>();
      std::vector<std::uint32_t> expected(kValues, 0);
      std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(first), n, 7);
      EXPECT_EQ(std::vector<std::uint32_t>(values, values + kValues), expected) << first << "+" << n;
    }
  }
}

TEST_P(MemoryOps, FillLeavesBytesThatMakeNoWholeValue) {
  MARLIN_REQUIRE_KERNELS("fill_u32");
  for (const std::size_t bytes : {0U, 1U, 3U, 4U, 7U, 11U}) {
    const auto buffer = device().allocate(16, "ragged");
    const BufferView whole{buffer.get(), 0, 16};
    std::fill_n(whole.host_write<std::uint8_t>(), 16, std::uint8_t{0xAA});
    test::run_on(device(), [&](Encoder& encoder) { ops::fill(encoder, {buffer.get(), 0, bytes}, 0); });
    std::vector<std::uint8_t> expected(16, 0xAA);
    std::fill_n(expected.begin(), bytes / 4 * 4, std::uint8_t{0});
    const auto* values = whole.host_read<std::uint8_t>();
    EXPECT_EQ(std::vector<std::uint8_t>(values, values + 16), expected) << bytes;
  }
}

TEST_P(MemoryOps, FillsFollowOneAnother) {
  MARLIN_REQUIRE_KERNELS("fill_u32");
  const test::DeviceTensor<std::uint32_t> out(device(), 50000);
  test::run_on(device(), [&](Encoder& encoder) {
    for (std::uint32_t value = 0; value <= 20; ++value) ops::fill(encoder, out.view(), value);
  });
  EXPECT_EQ(out.values(), std::vector<std::uint32_t>(50000, 20));
}

TEST_P(MemoryOps, FiniteGuardPassesWhateverIsFinite) {
  MARLIN_REQUIRE_KERNELS("finite_guard_f32");
  EXPECT_TRUE(passes(
      {0.0F, -0.0F, 1.0F, Limits::max(), Limits::lowest(), Limits::min(), Limits::denorm_min(), -Limits::denorm_min()},
      4, GuardedStage::kMlp, 3));
  EXPECT_TRUE(passes(std::vector<float>(7 * 333, Limits::max()), 333, GuardedStage::kAttention, 0));
}

TEST_P(MemoryOps, FiniteGuardPassesNothingAtAll) {
  MARLIN_REQUIRE_KERNELS("finite_guard_f32");
  EXPECT_TRUE(passes({}, 8, GuardedStage::kHead, 0));
}

TEST_P(MemoryOps, FiniteGuardNamesLayerStageRowAndColumn) {
  MARLIN_REQUIRE_KERNELS("finite_guard_f32");
  constexpr std::int64_t kWidth = 131;
  std::vector<float> values(5 * kWidth, 1.0F);
  values[3 * kWidth + 77] = Limits::quiet_NaN();
  std::string message;
  ASSERT_FALSE(passes(values, kWidth, GuardedStage::kAttention, 17, &message));
  expect_parts(message, {"finite_guard_f32", "guarded", "layer 17, attention", "row 3", "nan", "column 77"});
  ASSERT_FALSE(passes(values, kWidth, GuardedStage::kMlp, 0, &message));
  expect_parts(message, {"layer 0, mlp", "row 3", "column 77"});
}

TEST_P(MemoryOps, FiniteGuardNamesNoLayerOutsideOfLayers) {
  MARLIN_REQUIRE_KERNELS("finite_guard_f32");
  std::string message;
  ASSERT_FALSE(passes({1.0F, Limits::infinity()}, 2, GuardedStage::kEmbedding, 0, &message));
  expect_parts(message, {"embedding", "row 0", "inf", "column 1"});
  EXPECT_EQ(message.find("layer"), std::string::npos) << message;
  ASSERT_FALSE(passes({1.0F, -Limits::infinity()}, 1, GuardedStage::kHead, 0, &message));
  expect_parts(message, {"head", "row 1", "-inf", "column 0"});
  EXPECT_EQ(message.find("layer"), std::string::npos) << message;
}

TEST_P(MemoryOps, FiniteGuardFindsEveryWrongNumberEverywhere) {
  MARLIN_REQUIRE_KERNELS("finite_guard_f32");
  for (const float wrong :
       {Limits::quiet_NaN(), -Limits::quiet_NaN(), Limits::signaling_NaN(), Limits::infinity(), -Limits::infinity()}) {
    for (std::size_t at = 0; at < 3 * 19; ++at) {
      std::vector<float> values(3 * 19, Limits::max());
      values[at] = wrong;
      std::string message;
      ASSERT_FALSE(passes(values, 19, GuardedStage::kMlp, 1, &message)) << wrong << " at " << at;
      const std::string row = "row " + std::to_string(at / 19) + " ";
      const std::string column = "column " + std::to_string(at % 19) + ";";
      expect_parts(message, {row.c_str(), column.c_str()});
    }
  }
}

TEST_P(MemoryOps, FiniteGuardLooksAtItsRowsOnly) {
  MARLIN_REQUIRE_KERNELS("finite_guard_f32");
  const auto buffer = device().allocate(12 * sizeof(float), "rows");
  float* values = BufferView{buffer.get(), 0, 48}.host_write<float>();
  values[3] = values[10] = Limits::quiet_NaN();
  const BufferView between{buffer.get(), 4 * sizeof(float), 6 * sizeof(float)};
  EXPECT_NO_THROW(test::run_on(
      device(), [&](Encoder& encoder) { ops::finite_guard(encoder, between, 2, 3, GuardedStage::kMlp, 0); }));
}

TEST_P(MemoryOps, FiniteGuardSeesWhatWasWrittenBeforeAndFailsWhatComesAfter) {
  MARLIN_REQUIRE_KERNELS("finite_guard_f32", "fill_u32");
  constexpr std::uint32_t kNan = 0x7FC00000;
  const auto buffer = device().allocate(50000 * sizeof(float), "x");
  const BufferView x{buffer.get(), 0, 50000 * sizeof(float)};
  const auto guarded = device().create_command_buffer("guarded");
  ops::finite_guard(*guarded, x, 100, 500, GuardedStage::kMlp, 4);  // still zeros
  ops::fill(*guarded, x, kNan);
  ops::finite_guard(*guarded, x, 100, 500, GuardedStage::kMlp, 5);
  guarded->commit();
  const Error error = test::error_of([&] { guarded->wait(); });
  EXPECT_EQ(error.code(), ErrorCode::kDevice);
  expect_parts(error.what(), {"layer 5, mlp"});
}

TEST_P(MemoryOps, FiniteGuardRefusesRowsThatTheOperandDoesNotHave) {
  const test::DeviceTensor<float> ten(device(), 10);
  const auto commands = device().create_command_buffer("refused");
  EXPECT_EQ(test::error_of([&] { ops::finite_guard(*commands, ten.view(), 3, 4, GuardedStage::kMlp, 0); }).code(),
            ErrorCode::kInternal);
}

}  // namespace
}  // namespace marlin
