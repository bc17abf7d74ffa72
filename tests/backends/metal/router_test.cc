// SPDX-License-Identifier: Apache-2.0
// router.metal: the conformance cases of tests/ops, more experts than a threadgroup has threads, and numbers gone
// wrong.
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "ops/moe.h"
#include "tests/backends/metal/kernel_test.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/router_cases.h"
#include "tests/support/error_of.h"
#include "tests/support/near_norm.h"
#include "tests/support/random_tensor.h"
#include "tests/support/reference/moe.h"

namespace marlin {
namespace {

class MetalRouter : public test::KernelTest {};
MARLIN_CHECKED_RUNS(MetalRouter);
MARLIN_NARROW_RUN(MetalRouter);

TEST_P(MetalRouter, MatchesTheReference) { test::check_router(device()); }

struct Routed {
  std::vector<std::int32_t> ids;
  std::vector<float> weights;
};

/// Routes rows without a shared expert.
Routed route(Device& device, const ops::RouterShape& router, const std::vector<float>& logits, std::size_t n_experts,
             const std::vector<float>& bias = {}) {
  const std::size_t n_rows = logits.size() / n_experts;
  const std::size_t n_slots = n_rows * static_cast<std::size_t>(router.top_k);
  const test::DeviceTensor<float> input(device, std::span<const float>(logits));
  const test::DeviceTensor<float> biases(device, std::span<const float>(bias));
  const test::DeviceTensor<std::int32_t> ids(device, n_slots);
  const test::DeviceTensor<float> weights(device, n_slots);
  const test::DeviceTensor<std::int32_t> unused(device, n_slots + n_experts + 2);
  const ops::RoutingBuffers routing{ids.view(),    weights.view(), unused.view(),
                                    unused.view(), unused.view(),  unused.view()};
  const ops::MoeShape shape{.n_experts = static_cast<std::int64_t>(n_experts), .slots_per_row = router.top_k};
  test::run_on(device, [&](CommandBuffer& commands) {
    ops::route(commands, router, shape, input.view(), bias.empty() ? std::nullopt : std::optional(biases.view()),
               routing, static_cast<std::int64_t>(n_rows));
  });
  return {ids.values(), weights.values()};
}

TEST_P(MetalRouter, ChoosesAmongManyExperts) {
  for (const std::size_t n_experts : {1024U, 2048U, 2112U}) {  // the last beyond what threadgroup memory holds
    for (const std::int64_t n_groups : {1, 32}) {
      const ops::RouterShape router{
          .top_k = 40,
          .scoring = n_groups == 1 ? abi::RouterScoring::kSoftmax : abi::RouterScoring::kSigmoid,
          .normalize = true,
          .scaling = 2.5,
          .n_groups = n_groups,
          .top_k_groups = n_groups == 1 ? 1 : 5};
      std::vector<float> logits = test::normal_tensor(2 * n_experts, n_experts, 2.0);
      for (std::size_t i = 0; i < n_experts; ++i) logits[i] = std::round(logits[i] * 4) / 4;  // ties in one row
      const reference::Routing expected =
          reference::route({.n_experts = n_experts,
                            .top_k = 40,
                            .scoring = n_groups == 1 ? reference::Scoring::kSoftmax : reference::Scoring::kSigmoid,
                            .normalize = true,
                            .scaling = 2.5,
                            .n_groups = static_cast<std::size_t>(n_groups),
                            .top_k_groups = static_cast<std::size_t>(router.top_k_groups)},
                           test::to_doubles(logits), {});
      const Routed routed = route(device(), router, logits, n_experts);
      ASSERT_EQ(routed.ids, std::vector<std::int32_t>(expected.experts.begin(), expected.experts.end())) << n_experts;
      for (std::size_t i = 0; i < routed.weights.size(); ++i) {
        EXPECT_NEAR(routed.weights[i], expected.weights[i], 1e-5 * expected.weights[i]) << n_experts << " " << i;
      }
    }
  }
}

TEST_P(MetalRouter, ReportsScoresThatAreNotFinite) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const ops::RouterShape softmax{.top_k = 4,
                                 .scoring = abi::RouterScoring::kSoftmax,
                                 .normalize = true,
                                 .scaling = 1.0,
                                 .n_groups = 1,
                                 .top_k_groups = 1};
  ops::RouterShape sigmoid = softmax;
  sigmoid.scoring = abi::RouterScoring::kSigmoid;
  const auto fails = [&](const ops::RouterShape& router, const std::vector<float>& logits,
                         const std::vector<float>& bias = {}) {
    const Error error = test::error_of([&] { route(device(), router, logits, logits.size(), bias); });
    EXPECT_STREQ(error.what(), "router_f32: failure 5");
  };
  std::vector<float> logits(70, 0.5F);
  for (const std::size_t at : {0U, 33U, 69U}) {
    std::vector<float> wrong = logits;
    wrong[at] = kNan;
    fails(softmax, wrong);
    wrong[at] = kInfinity;
    fails(softmax, wrong);
    std::vector<float> bias(70, 0.0F);
    bias[at] = kInfinity;
    fails(sigmoid, logits, bias);
  }
  fails(sigmoid, std::vector<float>(70, kNan));
  fails(sigmoid, std::vector<float>(70, 0.0F), std::vector<float>(70, -kInfinity));
}

TEST_P(MetalRouter, NeverChoosesAScoreThatIsNoNumber) {  // as on the cpu, unless it is the first
  const ops::RouterShape sigmoid{.top_k = 4,
                                 .scoring = abi::RouterScoring::kSigmoid,
                                 .normalize = true,
                                 .scaling = 1.0,
                                 .n_groups = 1,
                                 .top_k_groups = 1};
  std::vector<float> logits(70, 0.5F);
  for (const std::size_t at : {1U, 2U, 69U}) logits[at] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(route(device(), sigmoid, logits, 70).ids, (std::vector<std::int32_t>{0, 3, 4, 5}));
}

}  // namespace
}  // namespace marlin
