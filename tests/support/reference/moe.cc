// SPDX-License-Identifier: Apache-2.0
#include "tests/support/reference/moe.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/error.h"

namespace marlin::reference {
namespace {

// Indices of the `count` largest, largest first, ties to the lower index.
std::vector<std::size_t> largest(const Tensor& values, std::size_t count) {
  MARLIN_CHECK(count <= values.size());
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  order.resize(count);
  return order;
}

// The experts that may be chosen, in ascending order.
std::vector<std::size_t> allowed_experts(const Router& router, const Tensor& choice) {
  const std::size_t group_size = router.n_experts / router.n_groups;
  Tensor group_scores;
  for (std::size_t first = 0; first < router.n_experts; first += group_size) {
    const auto begin = choice.begin() + static_cast<std::ptrdiff_t>(first);
    Tensor members(begin, begin + static_cast<std::ptrdiff_t>(group_size));
    std::sort(members.begin(), members.end(), std::greater<>());
    group_scores.push_back(members[0] + (group_size > 1 ? members[1] : 0.0));
  }
  std::vector<std::size_t> groups = largest(group_scores, router.top_k_groups);
  std::sort(groups.begin(), groups.end());
  std::vector<std::size_t> experts;
  for (const std::size_t group : groups) {
    for (std::size_t i = 0; i < group_size; ++i) experts.push_back(group * group_size + i);
  }
  return experts;
}

void route_token(const Router& router, const Tensor& scores, const Tensor& bias, Routing& routing) {
  const Tensor choice = bias.empty() ? scores : add(scores, bias);
  const std::vector<std::size_t> allowed = allowed_experts(router, choice);
  Tensor allowed_choice;
  for (const std::size_t expert : allowed) allowed_choice.push_back(choice[expert]);
  Tensor weights;
  for (const std::size_t i : largest(allowed_choice, router.top_k)) {
    routing.experts.push_back(allowed[i]);
    weights.push_back(scores[allowed[i]]);
  }
  const double sum = router.normalize ? std::accumulate(weights.begin(), weights.end(), 0.0) + 1e-20 : 1.0;
  for (const double weight : weights) routing.weights.push_back(weight / sum * router.scaling);
}

}  // namespace

Routing route(const Router& router, const Tensor& logits, const Tensor& bias) {
  const std::size_t n = router.n_experts;
  MARLIN_CHECK(n > 0 && logits.size() % n == 0 && (bias.empty() || bias.size() == n));
  MARLIN_CHECK(router.n_groups > 0 && n % router.n_groups == 0);
  Tensor scores;
  if (router.scoring == Scoring::kSoftmax) {
    scores = softmax(logits, n);
  } else {
    scores.resize(logits.size());
    std::transform(logits.begin(), logits.end(), scores.begin(), [](double z) { return 1.0 / (1.0 + std::exp(-z)); });
  }
  Routing routing;
  for (auto row = scores.begin(); row != scores.end(); row += static_cast<std::ptrdiff_t>(n)) {
    route_token(router, Tensor(row, row + static_cast<std::ptrdiff_t>(n)), bias, routing);
  }
  return routing;
}

Tensor mlp(const Mlp& weights, const Tensor& x, std::size_t n_hidden) {
  const std::size_t n_inner = weights.gate.size() / n_hidden;
  const Tensor inner = swiglu(matmul(x, weights.gate, n_hidden, n_inner), matmul(x, weights.up, n_hidden, n_inner));
  return matmul(inner, weights.down, n_inner, n_hidden);
}

Tensor moe(const std::vector<Mlp>& experts, const Routing& routing, const Tensor& x, std::size_t n_hidden) {
  const std::size_t n_tokens = x.size() / n_hidden;
  MARLIN_CHECK(n_tokens > 0 && x.size() == n_tokens * n_hidden && routing.experts.size() % n_tokens == 0);
  const std::size_t top_k = routing.experts.size() / n_tokens;
  Tensor y(x.size(), 0.0);
  for (std::size_t token = 0; token < n_tokens; ++token) {
    const Tensor row = gather_rows(x, {token}, n_hidden);
    for (std::size_t slot = token * top_k; slot < (token + 1) * top_k; ++slot) {
      const Tensor part = mlp(experts.at(routing.experts[slot]), row, n_hidden);
      for (std::size_t i = 0; i < n_hidden; ++i) y[token * n_hidden + i] += routing.weights[slot] * part[i];
    }
  }
  return y;
}

}  // namespace marlin::reference
