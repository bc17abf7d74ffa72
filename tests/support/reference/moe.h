// SPDX-License-Identifier: Apache-2.0
// Expert routing and mixture-of-experts MLPs in float64: softmax routing (Qwen3), and DeepSeek-V3's sigmoid routing
// with a correction bias that decides the choice but not the weights, and with experts limited to the best groups.
#pragma once

#include <cstddef>
#include <vector>

#include "tests/support/reference/ops.h"

namespace marlin::reference {

enum class Scoring { kSoftmax, kSigmoid };

struct Router {
  std::size_t n_experts = 0;
  std::size_t top_k = 0;
  Scoring scoring = Scoring::kSigmoid;
  bool normalize = true;         ///< divide the chosen weights by their sum + 1e-20
  double scaling = 1;            ///< multiplies the weights last
  std::size_t n_groups = 1;      ///< equal runs of experts; a group's score is the sum of its two best biased scores
  std::size_t top_k_groups = 1;  ///< experts of the other groups cannot be chosen
};

struct Routing {
  std::vector<std::size_t> experts;  ///< [n_tokens, top_k], best biased score first, ties to the lower expert
  Tensor weights;                    ///< [n_tokens, top_k]
};

/// `bias` is the correction bias [n_experts], or empty. Throws Error(kInternal) when the groups leave fewer than top_k.
Routing route(const Router& router, const Tensor& logits /* [n_tokens, n_experts] */, const Tensor& bias = {});

/// A gated MLP's weights, [in][out] each.
struct Mlp {
  Tensor gate;  ///< [n_hidden, n_inner]
  Tensor up;    ///< [n_hidden, n_inner]
  Tensor down;  ///< [n_inner, n_hidden]
};

/// down(silu(gate(x)) * up(x))
Tensor mlp(const Mlp& weights, const Tensor& x /* [n_tokens, n_hidden] */, std::size_t n_hidden);

/// Sum over the chosen experts of weight * mlp(x). A shared expert is the caller's: add(moe(...), mlp(shared, ...)).
Tensor moe(const std::vector<Mlp>& experts, const Routing& routing, const Tensor& x /* [n_tokens, n_hidden] */,
           std::size_t n_hidden);

}  // namespace marlin::reference
