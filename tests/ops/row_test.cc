// SPDX-License-Identifier: Apache-2.0
// The row-wise operations on every backend; the cases are in row_cases.cc.
#include <gtest/gtest.h>

#include "ops/copy.h"
#include "ops/embed.h"
#include "ops/kv_append.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/op_test.h"
#include "tests/ops/row_cases.h"
#include "tests/ops/test_places.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class RowOps : public test::OpTest {};
MARLIN_ON_EVERY_BACKEND(RowOps);

TEST_P(RowOps, Copy) {
  MARLIN_REQUIRE_KERNELS("copy_f32");
  test::check_copy(device());
}

TEST_P(RowOps, Embed) {
  MARLIN_REQUIRE_KERNELS("embed_f32");
  test::check_embed(device());
}

TEST_P(RowOps, RmsNorm) {
  MARLIN_REQUIRE_KERNELS("rms_norm_f32");
  test::check_rms_norm(device());
}

TEST_P(RowOps, Rope) {
  MARLIN_REQUIRE_KERNELS("rope_f32");
  test::check_rope(device());
}

TEST_P(RowOps, KvAppend) {
  MARLIN_REQUIRE_KERNELS("kv_append_f32");
  test::check_kv_append(device());
}

TEST_P(RowOps, KvAppendRoundsToInt8) {
  MARLIN_REQUIRE_KERNELS("kv_append_f32");
  test::check_int8_kv_append(device());
  test::check_int8_kv_append_of_hostile_groups(device());
}

TEST_P(RowOps, RefuseOperandsThatAreTooSmall) {
  const test::DeviceTensor<float> ten(device(), 10);
  const test::DeviceTensor<float> eleven(device(), 11);
  const auto commands = device().create_command_buffer("refused");
  const auto refused = [&](const auto& encode) { return test::error_of(encode).code(); };
  EXPECT_EQ(refused([&] { ops::copy(*commands, ten.view(), eleven.view()); }), ErrorCode::kInternal);
  const ops::Rows rows{ten.view(), 5};
  EXPECT_EQ(refused([&] { ops::rms_norm(*commands, ten.view(), rows, rows, 3, 5, 1e-5); }), ErrorCode::kInternal);
  EXPECT_EQ(refused([&] { ops::rms_norm(*commands, ten.view(), rows, rows, 2, 6, 1e-5); }), ErrorCode::kInternal);
  const test::TestPlaces places(device(), 0, 2);
  EXPECT_EQ(refused([&] { ops::kv_append(*commands, rows, eleven.view(), places.places(), 3, {.dim = 5}); }),
            ErrorCode::kInternal);  // places
  const ops::RopeShape shape{.n_heads = 1, .head_stride = 4, .offset = 0, .dim = 4, .interleaved = false};
  const test::TestPlaces more_places(device(), 0, 3);
  EXPECT_EQ(refused([&] { ops::rope(*commands, ten.view(), rows, places.places(), 3, shape); }),
            ErrorCode::kInternal);  // places
  EXPECT_EQ(refused([&] { ops::rope(*commands, ten.view(), rows, more_places.places(), 3, shape); }),
            ErrorCode::kInternal);  // rows
  abi::Matrix table{};
  table.n_in = 5;
  table.n_out = 2;
  EXPECT_EQ(refused([&] { ops::embed(*commands, table, ten.view(), ten.view(), ten.view(), 3); }),
            ErrorCode::kInternal);
  table.format = abi::MatrixFormat::kExl3;
  EXPECT_EQ(refused([&] { ops::embed(*commands, table, ten.view(), ten.view(), ten.view(), 1); }),
            ErrorCode::kInternal);
}

}  // namespace
}  // namespace marlin
