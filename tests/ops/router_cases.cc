// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/router_cases.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ops/moe.h"
#include "tests/ops/device_tensor.h"
#include "tests/ops/error_bound.h"
#include "tests/support/near_norm.h"
#include "tests/support/random_tensor.h"
#include "tests/support/reference/moe.h"

namespace marlin::test {
namespace {

enum class Logits {
  kRandom,
  kTied,  ///< only a few different values, so that equal scores meet everywhere
  kAllEqual,
  kExtreme,  ///< near +-10,000: sigmoids of exactly 0 and 1, softmaxes of one
};

struct RouterCase {
  ops::RouterShape router;
  std::size_t n_experts = 0;
  std::size_t n_rows = 0;
  bool shared = false;
  bool bias = false;
  Logits logits = Logits::kRandom;
};

std::vector<float> make_logits(const RouterCase& c) {
  const std::size_t count = c.n_rows * c.n_experts;
  std::vector<float> logits(count, 0.5F);
  if (c.logits == Logits::kAllEqual) return logits;
  logits = normal_tensor(count, c.n_experts + c.n_rows, c.logits == Logits::kExtreme ? 1e4 : 2.0);
  if (c.logits == Logits::kTied) {
    for (float& v : logits) v = std::round(v);
  }
  if (c.logits == Logits::kExtreme) {  // so far apart that the exponentials of differences are 0 in float64 too
    for (float& v : logits) v = std::round(v / 2000) * 2000;
  }
  return logits;
}

reference::Router reference_router(const RouterCase& c) {
  return {.n_experts = c.n_experts,
          .top_k = static_cast<std::size_t>(c.router.top_k),
          .scoring = c.router.scoring == abi::RouterScoring::kSigmoid ? reference::Scoring::kSigmoid
                                                                      : reference::Scoring::kSoftmax,
          .normalize = c.router.normalize,
          .scaling = c.router.scaling,
          .n_groups = static_cast<std::size_t>(c.router.n_groups),
          .top_k_groups = static_cast<std::size_t>(c.router.top_k_groups)};
}

void check_case(Device& device, const RouterCase& c) {
  SCOPED_TRACE(fmt::format("{} of {} experts, {} of {} groups, scoring {}, bias {}, normalize {}, shared {}, logits {}",
                           c.router.top_k, c.n_experts, c.router.top_k_groups, c.router.n_groups,
                           static_cast<int>(c.router.scoring), c.bias, c.router.normalize, c.shared,
                           static_cast<int>(c.logits)));
  const std::vector<float> logits = make_logits(c);
  // multiples of 1/8 added to tied scores keep them tied in float32 and float64 alike
  std::vector<float> bias = normal_tensor(c.n_experts, 9, 0.3);
  for (float& v : bias) v = c.logits == Logits::kRandom ? v : std::round(v * 8) / 8;
  const auto top_k = static_cast<std::size_t>(c.router.top_k);
  const std::size_t slots_per_row = top_k + (c.shared ? 1 : 0);
  const std::size_t n_slots = c.n_rows * slots_per_row;
  const ops::MoeShape shape{.n_experts = static_cast<std::int64_t>(c.n_experts + (c.shared ? 1 : 0)),
                            .slots_per_row = static_cast<std::int64_t>(slots_per_row)};
  const DeviceTensor<float> input(device, std::span<const float>(logits));
  const DeviceTensor<float> biases(device, std::span<const float>(bias));
  const DeviceTensor<std::int32_t> ids(device, n_slots);
  const DeviceTensor<float> weights(device, n_slots);
  const DeviceTensor<std::int32_t> unused(device, n_slots + c.n_experts + 2);
  const ops::RoutingBuffers routing{ids.view(),    weights.view(), unused.view(),
                                    unused.view(), unused.view(),  unused.view()};
  run_on(device, [&](CommandBuffer& commands) {
    ops::route(commands, c.router, shape, input.view(), c.bias ? std::optional(biases.view()) : std::nullopt, routing,
               static_cast<std::int64_t>(c.n_rows));
  });
  const reference::Routing expected =
      reference::route(reference_router(c), to_doubles(logits), c.bias ? to_doubles(bias) : reference::Tensor{});
  std::vector<std::int32_t> expected_ids;
  reference::Tensor expected_weights;
  reference::Tensor bound;
  for (std::size_t row = 0; row < c.n_rows; ++row) {
    for (std::size_t k = 0; k < top_k; ++k) {
      const double weight = expected.weights[row * top_k + k];
      expected_ids.push_back(static_cast<std::int32_t>(expected.experts[row * top_k + k]));
      expected_weights.push_back(weight);
      // exp, sums of positive terms, quotients: relative errors; an exponent of +-10,000 loses its last digits first
      const double exponent = c.logits == Logits::kExtreme ? 1e5 : 20;
      bound.push_back(std::fabs(weight) * (exponent * kUnit + positive_sum_tolerance(c.n_experts) + 16 * kUnit) +
                      kFlush);
    }
    if (!c.shared) continue;
    expected_ids.push_back(static_cast<std::int32_t>(c.n_experts));
    expected_weights.push_back(1.0);
    bound.push_back(0.0);
  }
  EXPECT_EQ(ids.values(), expected_ids);
  expect_within(weights.values(), expected_weights, bound, "weights");
}

ops::RouterShape groups(std::int64_t top_k, std::int64_t n_groups, std::int64_t top_k_groups) {
  return {.top_k = top_k,
          .scoring = abi::RouterScoring::kSigmoid,
          .normalize = true,
          .scaling = 2.5,
          .n_groups = n_groups,
          .top_k_groups = top_k_groups};
}

}  // namespace

void check_router(Device& device) {
  constexpr auto kSigmoid = abi::RouterScoring::kSigmoid;
  constexpr auto kSoftmax = abi::RouterScoring::kSoftmax;
  for (const Logits logits : {Logits::kRandom, Logits::kTied, Logits::kAllEqual, Logits::kExtreme}) {
    for (const std::size_t n_experts : {4U, 7U, 8U, 64U}) {
      for (const std::int64_t top_k : {1, 4, 8}) {
        if (static_cast<std::size_t>(top_k) > n_experts) continue;
        for (const auto scoring : {kSoftmax, kSigmoid}) {
          const bool normalize = n_experts != 8;
          check_case(device, {{top_k, scoring, normalize, 1.8, 1, 1}, n_experts, 5, false, false, logits});
          if (scoring == kSigmoid) {
            check_case(device, {{top_k, scoring, normalize, 1.0, 1, 1}, n_experts, 3, true, true, logits});
          }
        }
      }
    }
    check_case(device, {groups(4, 8, 4), 64, 9, true, true, logits});
    check_case(device, {groups(8, 8, 4), 64, 9, false, false, logits});
    check_case(device, {groups(1, 4, 1), 64, 9, false, true, logits});
    check_case(device, {groups(3, 8, 3), 8, 9, false, true, logits});  // groups of one
    check_case(device, {groups(4, 2, 2), 8, 9, false, true, logits});  // no group is left out
    check_case(device, {groups(2, 4, 1), 8, 9, true, false, logits});  // all of the one group
  }
}

}  // namespace marlin::test
