// SPDX-License-Identifier: Apache-2.0
// Experts and their routing on every backend; the cases are in moe_cases.cc and router_cases.cc.
#include "ops/moe.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/ops/device_tensor.h"
#include "tests/ops/moe_cases.h"
#include "tests/ops/op_test.h"
#include "tests/ops/router_cases.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

class Moe : public test::OpTest {};
MARLIN_ON_EVERY_BACKEND(Moe);

TEST_P(Moe, MatchesTheReference) {
  MARLIN_REQUIRE_KERNELS("expert_sort_i32", "moe_gather_f32", "moe_gate_up_decode_f32", "moe_down_decode_f32",
                         "moe_gate_up_prefill4_f32", "moe_down_prefill4_f32", "moe_gate_up_base_f32",
                         "moe_down_base_f32", "moe_gate_up_large_batch_f32", "moe_down_large_batch_f32",
                         "moe_combine_f32");
  for (const test::MoeCase& c : test::moe_cases()) test::check_moe(device(), c);
}

TEST_P(Moe, RouterChoosesAsTheReference) {
  MARLIN_REQUIRE_KERNELS("router_f32");
  test::check_router(device());
}

// A model that has gone wrong shows here first: the error must come back, not an arbitrary expert.
TEST_P(Moe, RouterRefusesScoresThatAreNotNumbers) {
  MARLIN_REQUIRE_KERNELS("router_f32");
  const ops::MoeShape shape{.n_experts = 4, .slots_per_row = 2};
  const std::vector<float> logits(8, std::numeric_limits<float>::quiet_NaN());
  const test::DeviceTensor<float> input(device(), std::span<const float>(logits));
  const test::DeviceTensor<std::int32_t> integers(device(), 16);
  const test::DeviceTensor<float> weights(device(), 4);
  const ops::RoutingBuffers routing{integers.view(), weights.view(),  integers.view(),
                                    integers.view(), integers.view(), integers.view()};
  const auto commands = device().create_command_buffer("layer 7");
  ops::route(*commands, {.top_k = 2}, shape, input.view(), std::nullopt, routing, 2);
  commands->commit();
  const Error error = test::error_of([&] { commands->wait(); });
  EXPECT_EQ(error.code(), ErrorCode::kDevice);
  for (const char* part : {"router_f32", "layer 7", "not finite"}) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST_P(Moe, RefusesShapesThatCannotBe) {
  const test::DeviceTensor<float> floats(device(), 64);
  const BufferView view = floats.view();
  const ops::RoutingBuffers routing{view, view, view, view, view, view};
  const auto commands = device().create_command_buffer("refused");
  const auto route = [&](const ops::RouterShape& router, const ops::MoeShape& shape, std::int64_t n_rows) {
    return test::error_of([&] { ops::route(*commands, router, shape, view, std::nullopt, routing, n_rows); }).code();
  };
  const ops::MoeShape shape{.n_experts = 8, .slots_per_row = 2};
  EXPECT_EQ(route({.top_k = 0}, shape, 1), ErrorCode::kInternal);
  EXPECT_EQ(route({.top_k = 9}, {.n_experts = 8, .slots_per_row = 9}, 1), ErrorCode::kInternal);
  EXPECT_EQ(route({.top_k = 2, .n_groups = 3}, shape, 1), ErrorCode::kInternal);  // 8 experts in 3 groups
  EXPECT_EQ(route({.top_k = 2}, shape, 9), ErrorCode::kInternal);                 // 9 rows of 8 logits in 64
}

}  // namespace
}  // namespace marlin
