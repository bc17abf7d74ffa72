// SPDX-License-Identifier: Apache-2.0
// Both attention operations on every backend; the cases are in attention_cases.cc.
#include <gtest/gtest.h>

#include "tests/ops/attention_cases.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/op_test.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class Attention : public test::OpTest {};
MARLIN_ON_EVERY_BACKEND(Attention);

TEST_P(Attention, GroupedMatchesTheReference) {
  MARLIN_REQUIRE_KERNELS("grouped_attention_f32");
  for (const test::GroupedAttentionCase& c : test::grouped_attention_cases()) test::check_attention(device(), c);
}

TEST_P(Attention, LatentMatchesTheReference) {
  MARLIN_REQUIRE_KERNELS("latent_query_f32", "latent_attention_f32", "latent_value_f32");
  for (const test::LatentAttentionCase& c : test::latent_attention_cases()) test::check_attention(device(), c);
}

TEST_P(Attention, RefusesACacheThatIsTooSmall) {
  const ops::GroupedAttentionShape shape{2, 2, 8, 1.0};
  const test::DeviceTensor<float> q(device(), 3 * 16);
  const test::DeviceTensor<float> out(device(), 3 * 16);
  const test::DeviceTensor<std::uint16_t> cache(device(), 5 * 16);
  const auto commands = device().create_command_buffer("refused");
  const auto attend = [&](std::int64_t start) {
    ops::grouped_attention(*commands, shape, q.view(), cache.view(), cache.view(), out.view(), 3, start);
  };
  EXPECT_NO_THROW(attend(2));
  EXPECT_EQ(test::error_of([&] { attend(3); }).code(), ErrorCode::kInternal);
}

}  // namespace
}  // namespace marlin
