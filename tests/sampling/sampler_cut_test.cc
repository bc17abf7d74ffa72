// SPDX-License-Identifier: Apache-2.0
// The radix selection against a full sort, on logits chosen to be awkward for it.
#include "sampling/sampler_cut.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "sampling/sampler_random.h"

namespace marlin {
namespace {

TokenRank sorted_cut(const std::vector<std::int32_t>& tokens, const std::vector<float>& logits,
                     const std::vector<std::uint64_t>* weights, std::uint64_t target) {
  std::vector<std::int32_t> order = tokens;
  const auto logit = [&](std::int32_t token) { return logits[static_cast<std::size_t>(token)]; };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return logit(a) > logit(b); });
  std::uint64_t sum = 0;
  for (const std::int32_t token : order) {
    sum += weights == nullptr ? 1 : (*weights)[static_cast<std::size_t>(token)];
    if (sum >= target) {
      return rank_of(logit(token), token);
    }
  }
  return rank_of(logit(order.back()), order.back());
}

std::vector<std::vector<float>> awkward_logits(std::size_t n) {
  SamplerRandom random(9);
  std::vector<std::vector<float>> result(6, std::vector<float>(n));
  for (std::size_t i = 0; i < n; ++i) {
    const double u = random.uniform();
    result[0][i] = static_cast<float>(u * 40.0 - 30.0);
    result[1][i] = 1.25F;                                                        // all equal
    result[2][i] = std::nextafter(1.0F, i % 3 == 0 ? 2.0F : 0.0F);               // neighbours
    result[3][i] = static_cast<float>((u - 0.5) * std::pow(10.0, u * 70 - 35));  // all magnitudes
    result[4][i] = u < 0.5 ? -0.0F : 0.0F;
    result[5][i] = i == n / 2 ? std::numeric_limits<float>::max() : static_cast<float>(u * 1e-30);  // an outlier
  }
  return result;
}

/// find_cut() with scratch of its own.
class CutFinder {
 public:
  explicit CutFinder(std::size_t n_tokens) : measures_(kCutBuckets), narrowed_(n_tokens) {}

  TokenRank find(const std::vector<std::int32_t>& tokens, const std::vector<float>& logits,
                 const std::uint64_t* weights, std::uint64_t target) {
    return find_cut(tokens, logits, weights, target, {measures_, narrowed_});
  }

 private:
  std::vector<std::uint64_t> measures_;
  std::vector<std::int32_t> narrowed_;
};

TEST(RankOf, OrdersAsFloatsDo) {
  const float max = std::numeric_limits<float>::max();
  const std::vector<float> descending = {
      std::numeric_limits<float>::infinity(), max, 2.0F, 1.0F, 1e-45F, 0.0F, -1e-45F, -1.0F, -2.0F, -max,
      -std::numeric_limits<float>::infinity()};
  for (std::size_t i = 1; i < descending.size(); ++i) {
    EXPECT_LT(rank_of(descending[i - 1], 9), rank_of(descending[i], 0));
  }
  EXPECT_EQ(rank_of(0.0F, 4), rank_of(-0.0F, 4));
  EXPECT_LT(rank_of(1.0F, 3), rank_of(1.0F, 4));
}

TEST(CutFinder, CountsEqualASort) {
  for (const std::size_t n : {1U, 2U, 50U, 3000U}) {
    std::vector<std::int32_t> tokens(n);
    std::iota(tokens.begin(), tokens.end(), 0);
    CutFinder finder(n);
    for (const std::vector<float>& logits : awkward_logits(n)) {
      for (std::size_t k = 1; k <= n; k += 1 + k / 3) {
        EXPECT_EQ(finder.find(tokens, logits, nullptr, k), sorted_cut(tokens, logits, nullptr, k)) << k;
      }
    }
  }
}

TEST(CutFinder, MassesEqualASortOverSomeOfTheTokens) {
  const std::size_t n = 2500;
  std::vector<std::int32_t> tokens;
  for (std::int32_t token = 1; token < static_cast<std::int32_t>(n); token += 2) {
    tokens.push_back(token);
  }
  std::vector<std::uint64_t> weights(n);
  SamplerRandom random(4);
  for (std::uint64_t& weight : weights) {
    weight = 1 + random.next() % 9;
  }
  std::uint64_t total = 0;
  for (const std::int32_t token : tokens) {
    total += weights[static_cast<std::size_t>(token)];
  }
  CutFinder finder(n);
  for (const std::vector<float>& logits : awkward_logits(n)) {
    for (const double share : {1e-12, 0.01, 0.3, 0.5, 0.95, 0.9999, 1.0, 1.5}) {
      const auto target = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total)));
      EXPECT_EQ(finder.find(tokens, logits, weights.data(), target), sorted_cut(tokens, logits, &weights, target))
          << share;
    }
  }
}

}  // namespace
}  // namespace marlin
