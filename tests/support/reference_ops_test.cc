// SPDX-License-Identifier: Apache-2.0
// The reference operations against values worked out by hand and against properties that hold whatever the values.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <vector>

#include "metal_marlin/error.h"
#include "tests/support/near_norm.h"
#include "tests/support/random_tensor.h"
#include "tests/support/reference/attention.h"
#include "tests/support/reference/moe.h"
#include "tests/support/reference/ops.h"
#include "tests/support/reference/rope.h"

namespace marlin::reference {
namespace {

Tensor random(std::size_t count, std::uint64_t seed, double scale = 1.0) {
  return test::to_doubles(test::normal_tensor(count, seed, scale));
}

TEST(ReferenceOps, RmsNorm) {
  const Tensor y = rms_norm({3, 4, 0, 0}, {2, 10}, 12.5);  // mean squares 12.5 and 0
  test::expect_near_norm(y, Tensor{6.0 / 5, 40.0 / 5, 0, 0}, 1e-15, "rms_norm");
  EXPECT_THROW(rms_norm({1, 2, 3}, {1, 1}, 0), Error);
}

TEST(ReferenceOps, MatmulIsInTimesOut) {
  EXPECT_EQ(matmul({1, 2, 0, 1}, {1, 2, 3, 4, 5, 6}, 2, 3), (Tensor{9, 12, 15, 4, 5, 6}));
  EXPECT_EQ(transpose({1, 2, 3, 4, 5, 6}, 3), (Tensor{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(gather_rows({1, 2, 3, 4, 5, 6}, {2, 0}, 2), (Tensor{5, 6, 1, 2}));
  EXPECT_THROW(matmul({1, 2, 3}, {1, 2}, 2, 1), Error);
  EXPECT_THROW(gather_rows({1, 2}, {1}, 2), Error);
}

TEST(ReferenceOps, ActivationsAndSoftmax) {
  EXPECT_NEAR(silu({std::log(3.0)})[0], 0.75 * std::log(3.0), 1e-15);
  EXPECT_EQ(silu({-1000.0, 1000.0}), (Tensor{-0.0, 1000.0}));
  EXPECT_NEAR(swiglu({std::log(3.0)}, {-2.0})[0], -1.5 * std::log(3.0), 1e-15);
  test::expect_near_norm(softmax({1000, 1000 + std::log(3.0), -5, -5}, 2), Tensor{0.25, 0.75, 0.5, 0.5}, 1e-12,
                         "softmax");
}

TEST(ReferenceRope, RotatesPairsAndLeavesHalves) {
  const Tensor quarter = {std::numbers::pi / 2, 0.0};  // first pair turns by 90 degrees per position, second never
  const Tensor halves = rope({1, 2, 3, 4}, {1}, 1, quarter, RopePairs::kHalves);      // pairs (1, 3) and (2, 4)
  const Tensor pairs = rope({1, 3, 2, 4}, {1}, 1, quarter, RopePairs::kInterleaved);  // the same pairs
  test::expect_near_norm(halves, Tensor{-3, 2, 1, 4}, 1e-15, "halves");
  test::expect_near_norm(pairs, halves, 1e-15, "pairs");
  EXPECT_EQ(rope({1, 2, 3, 4}, {0}, 1, quarter, RopePairs::kHalves, 0.5), (Tensor{0.5, 1, 1.5, 2}));
}

TEST(ReferenceRope, DotProductsDependOnTheDistanceOnly) {
  const Tensor theta = plain_frequencies(64, 10000.0);
  const auto dot = [&](std::size_t q_position, std::size_t k_position) {
    const Tensor q = rope(random(64, 1), {q_position}, 1, theta, RopePairs::kInterleaved);
    const Tensor k = rope(random(64, 2), {k_position}, 1, theta, RopePairs::kInterleaved);
    return std::inner_product(q.begin(), q.end(), k.begin(), 0.0);
  };
  EXPECT_NEAR(dot(105, 100), dot(5, 0), 1e-9);
  EXPECT_GT(std::fabs(dot(105, 100) - dot(100, 105)), 1e-3);
}

TEST(ReferenceRope, FrequencyTables) {
  EXPECT_NEAR(plain_frequencies(8, 10000.0)[1], 0.1, 1e-15);
  const Tensor plain = plain_frequencies(128, 500000.0);
  const Tensor llama = llama3_frequencies(128, 500000.0, 8.0, 1.0, 4.0, 8192);
  EXPECT_EQ(llama.front(), plain.front());
  EXPECT_DOUBLE_EQ(llama.back(), plain.back() / 8);
  // YaRN as DeepSeek-V3 asks for it: pairs up to 10 turn more than 32 times in 4096 tokens, from 23 less than once
  const Tensor plain_yarn = plain_frequencies(64, 10000.0);
  const Tensor yarn = yarn_frequencies(64, 10000.0, 40.0, 32.0, 1.0, 4096);
  for (std::size_t i = 0; i <= 10; ++i) EXPECT_EQ(yarn[i], plain_yarn[i]) << i;
  for (std::size_t i = 23; i < 32; ++i) EXPECT_DOUBLE_EQ(yarn[i], plain_yarn[i] / 40) << i;
  for (std::size_t i = 11; i < 23; ++i) {
    const double share = (static_cast<double>(i) - 10) / 13;
    EXPECT_NEAR(yarn[i] / plain_yarn[i], share / 40 + (1 - share), 1e-12) << i;
  }
  EXPECT_NEAR(yarn_mscale(40.0, 1.0), 1.3688879454113936, 1e-12);
  EXPECT_EQ(yarn_mscale(1.0, 1.0), 1.0);
}

TEST(ReferenceAttention, IsCausalAndGroups) {
  const GroupedAttention shape{2, 1, 1, 1, 1.0};
  // scores of head 0 are 0, so it averages; head 1 (q = 1000) takes the largest key it may see
  const Tensor out = grouped_attention(shape, {0, 1000, 0, 1000, 0, 1000}, {1, 3, 2}, {10, 20, 60});
  test::expect_near_norm(out, Tensor{10, 10, 15, 20, 30, 20}, 1e-12, "attention");
}

TEST(ReferenceAttention, TheLastQueriesSeeWhatTheWholeSequenceSees) {
  const GroupedAttention shape{6, 2, 8, 5, 0.3};
  constexpr std::size_t kTokens = 9;
  const Tensor q = random(kTokens * 48, 1);
  const Tensor k = random(kTokens * 16, 2);
  const Tensor v = random(kTokens * 10, 3);
  const Tensor all = grouped_attention(shape, q, k, v);
  const Tensor last = grouped_attention(shape, Tensor(q.end() - 96, q.end()), k, v);
  test::expect_near_norm(last, Tensor(all.end() - 60, all.end()), 1e-14, "last two queries");
}

TEST(ReferenceAttention, NeighbouringHeadsShareAKeyHead) {
  const GroupedAttention shape{4, 2, 3, 3, 0.5};
  const Tensor k = random(4 * 6, 2);
  const Tensor v = random(4 * 6, 3);
  const Tensor all = grouped_attention(shape, random(12, 1), k, v);
  for (std::size_t head = 0; head < 4; ++head) {
    const auto part = [](const Tensor& x, std::size_t width, std::size_t first) {
      Tensor columns;
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (i % width >= first && i % width < first + 3) columns.push_back(x[i]);
      }
      return columns;
    };
    const std::size_t kv_first = head < 2 ? 0 : 3;
    const Tensor alone = grouped_attention({1, 1, 3, 3, 0.5}, part(random(12, 1), 12, 3 * head), part(k, 6, kv_first),
                                           part(v, 6, kv_first));
    test::expect_near_norm(alone, part(all, 12, 3 * head), 1e-14, "one head");
  }
}

TEST(ReferenceAttention, LatentFormsAgree) {
  const LatentAttention shape{3, 16, 8, 4, 6, 0.4};
  constexpr std::size_t kKeys = 7;
  const Tensor q = random(2 * 3 * 12, 1);
  const Tensor latent = random(kKeys * 16, 2);
  const Tensor k_rope = random(kKeys * 4, 3);
  const Tensor kv_b = random(16 * 3 * 14, 4, 0.3);
  const Tensor expanded = latent_attention_expanded(shape, q, latent, k_rope, kv_b);
  EXPECT_EQ(expanded.size(), 2U * 3U * 6U);
  test::expect_near_norm(latent_attention_absorbed(shape, q, latent, k_rope, kv_b), expanded, 1e-13, "absorbed");
}

TEST(ReferenceRouter, SoftmaxTakesTheBestAndNormalises) {
  const Router router{4, 2, Scoring::kSoftmax, true, 1.0};
  const Routing routing = route(router, {std::log(1.0), std::log(5.0), std::log(3.0), std::log(1.0)});
  EXPECT_EQ(routing.experts, (std::vector<std::size_t>{1, 2}));
  test::expect_near_norm(routing.weights, Tensor{5.0 / 8, 3.0 / 8}, 1e-14, "weights");
  Router raw = router;
  raw.normalize = false;
  test::expect_near_norm(route(raw, {0, std::log(5.0), std::log(3.0), 0}).weights, Tensor{0.5, 0.3}, 1e-14, "raw");
}

TEST(ReferenceRouter, TheBiasChoosesButDoesNotWeigh) {
  const Router router{3, 2, Scoring::kSigmoid, false, 2.0};
  const Tensor logits = {0, std::log(3.0), -std::log(3.0)};  // scores 0.5, 0.75, 0.25
  const Routing routing = route(router, logits, {0, 0, 1});
  EXPECT_EQ(routing.experts, (std::vector<std::size_t>{2, 1}));
  test::expect_near_norm(routing.weights, Tensor{0.5, 1.5}, 1e-14, "weights");
}

TEST(ReferenceRouter, TiesGoToTheLowerExpert) {
  const Router router{6, 3, Scoring::kSigmoid, true, 1.0, 3, 2};
  EXPECT_EQ(route(router, Tensor(6, 0.0)).experts, (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(route(router, {0, 0, 0, 0, 1, 1}).experts, (std::vector<std::size_t>{4, 5, 0}));
}

TEST(ReferenceRouter, OnlyTheBestGroupsTakePart) {
  // three groups of three: the first has the best single expert, but its two best sum to less than the others'
  const Router router{9, 4, Scoring::kSigmoid, true, 1.0, 3, 2};
  const Tensor logits = {6, -6, -6, 2, 2, 2, 1, 3, -7};
  const Routing routing = route(router, logits);
  EXPECT_EQ(routing.experts, (std::vector<std::size_t>{7, 3, 4, 5}));
  EXPECT_NEAR(std::accumulate(routing.weights.begin(), routing.weights.end(), 0.0), 1.0, 1e-15);
  // the bias counts for groups too; expert 7 has a better choice (-1.05) than expert 3 (-1.12), but its group is out
  const Tensor bias = {1, 0, 0, -2, -2, -2, -2, -2, -2};
  EXPECT_EQ(route(router, logits, bias).experts, (std::vector<std::size_t>{0, 1, 2, 3}));
  EXPECT_THROW(route({4, 3, Scoring::kSigmoid, true, 1.0, 4, 2}, Tensor(4, 0.0)), Error);
}

TEST(ReferenceMoe, SumsWeightedExperts) {
  constexpr std::size_t kHidden = 4;
  std::vector<Mlp> experts;
  for (std::uint64_t e = 0; e < 3; ++e) {
    experts.push_back({random(kHidden * 5, 10 + e), random(kHidden * 5, 20 + e), random(5 * kHidden, 30 + e)});
  }
  const Tensor x = random(2 * kHidden, 1);
  const Routing routing{{2, 0, 1, 2}, {0.5, 2.0, -1.0, 0.25}};
  const Tensor y = moe(experts, routing, x, kHidden);
  const Tensor of[] = {mlp(experts[0], x, kHidden), mlp(experts[1], x, kHidden), mlp(experts[2], x, kHidden)};
  for (std::size_t i = 0; i < kHidden; ++i) {
    EXPECT_NEAR(y[i], 0.5 * of[2][i] + 2.0 * of[0][i], 1e-12);
    EXPECT_NEAR(y[kHidden + i], -of[1][kHidden + i] + 0.25 * of[2][kHidden + i], 1e-12);
  }
}

}  // namespace
}  // namespace marlin::reference
