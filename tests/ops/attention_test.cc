// SPDX-License-Identifier: Apache-2.0
// Both attention operations on every backend; the cases are in attention_cases.cc.
#include <gtest/gtest.h>

#include "tests/ops/attention_cases.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/op_test.h"
#include "tests/ops/test_places.h"
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

TEST_P(Attention, RowsOfSeveralSequencesAreAsIfAlone) {
  MARLIN_REQUIRE_KERNELS("grouped_attention_f32");
  test::check_shared_attention(device());
}

TEST_P(Attention, AValueThatIsNotFiniteSpoilsItsGroup) {
  MARLIN_REQUIRE_KERNELS("grouped_attention_f32");
  test::check_spoiled_value(device());
}

TEST_P(Attention, RefusesFewerPlacesThanRows) {
  const ops::GroupedAttentionShape shape{2, 2, 8, 1.0};
  const std::size_t alignment = device().info().attention_alignment;
  const test::DeviceTensor<float> q(device(), 4 * 16, alignment);
  const test::DeviceTensor<float> out(device(), 4 * 16, alignment);
  const test::DeviceTensor<std::uint16_t> cache(device(), 16 * 16, alignment);
  const test::TestPlaces places(device(), 2, 3);
  const auto commands = device().create_command_buffer("refused");
  const auto attend = [&](std::int64_t n_rows) {
    ops::grouped_attention(*commands, shape, q.view(), cache.view(), cache.view(), places.places(), out.view(), n_rows);
  };
  EXPECT_NO_THROW(attend(3));
  EXPECT_EQ(test::error_of([&] { attend(4); }).code(), ErrorCode::kInternal);
}

}  // namespace
}  // namespace marlin
