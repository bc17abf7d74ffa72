// SPDX-License-Identifier: Apache-2.0
#include "model/layers/mlp.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "ops/linear.h"
#include "ops/space_cutter.h"

namespace marlin {
namespace {

abi::Expert bind_expert(Weights& weights, const std::string& prefix, const std::string& suffix, std::int64_t hidden,
                        std::int64_t inner) {
  return {.gate = weights.linear(prefix + "gate_proj" + suffix, hidden, inner),
          .up = weights.linear(prefix + "up_proj" + suffix, hidden, inner),
          .down = weights.linear(prefix + "down_proj" + suffix, inner, hidden)};
}

/// A dense MLP; one too wide for a quantised layer is stored in slices of its inner dimension, whose outputs add up.
std::vector<abi::Expert> bind_dense(Weights& weights, const std::string& prefix, std::int64_t hidden,
                                    std::int64_t inner) {
  constexpr std::int64_t kSliceAlignment = 128;
  std::int64_t n_slices = 0;
  while (weights.has_linear(fmt::format("{}down_proj.slice.{}", prefix, n_slices))) ++n_slices;
  if (n_slices == 0) return {bind_expert(weights, prefix, "", hidden, inner)};
  const std::int64_t width = inner / n_slices / kSliceAlignment * kSliceAlignment;
  std::vector<abi::Expert> slices;
  for (std::int64_t i = 0; i < n_slices; ++i) {
    const std::int64_t slice = i + 1 < n_slices ? width : inner - width * i;
    slices.push_back(bind_expert(weights, prefix, fmt::format(".slice.{}", i), hidden, slice));
  }
  return slices;
}

std::uint32_t bits_of(const abi::Matrix& matrix) {
  if (matrix.format == abi::MatrixFormat::kExl3) return matrix.bits;
  return matrix.format == abi::MatrixFormat::kF32 ? 32 : 16;
}

abi::RouterScoring router_scoring(RouterScoring scoring) {
  return scoring == RouterScoring::kSigmoid ? abi::RouterScoring::kSigmoid : abi::RouterScoring::kSoftmax;
}

}  // namespace

Mlp Mlp::bind(Weights& weights, const ModelConfig& config, std::int64_t layer, const std::string& prefix) {
  const std::int64_t hidden = config.hidden_size;
  Mlp mlp;
  mlp.shape_.hidden = hidden;
  if (!config.layer_is_moe[static_cast<std::size_t>(layer)]) {
    const std::vector<abi::Expert> slices = bind_dense(weights, prefix, hidden, config.intermediate_size);
    mlp.shape_.slots_per_row = static_cast<std::int64_t>(slices.size());
    mlp.add_table(weights, slices);
    std::vector<std::int32_t> ids(static_cast<std::size_t>(kMaxStepRows) * slices.size());
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i % slices.size());
    const std::vector<float> ones(ids.size(), 1.0F);
    mlp.fixed_ids_ = weights.store(std::as_bytes(std::span(ids)));
    mlp.fixed_weights_ = weights.store(std::as_bytes(std::span(ones)));
    return mlp;
  }

  const MoeConfig& moe = config.moe;
  std::vector<abi::Expert> experts;
  for (std::int64_t i = 0; i < moe.n_experts; ++i) {
    experts.push_back(bind_expert(weights, fmt::format("{}experts.{}.", prefix, i), "", hidden, moe.intermediate_size));
  }
  const bool shared = moe.shared_intermediate_size > 0;
  if (shared) {
    experts.push_back(bind_expert(weights, prefix + "shared_experts.", "", hidden, moe.shared_intermediate_size));
  }
  mlp.n_shared_ = shared ? 1 : 0;
  mlp.shape_.slots_per_row = moe.top_k + mlp.n_shared_;
  mlp.add_table(weights, experts);
  mlp.router_ = Router{.shape = {.top_k = moe.top_k,
                                 .scoring = router_scoring(moe.scoring),
                                 .normalize = moe.normalize_top_k,
                                 .scaling = moe.scaling,
                                 .n_groups = moe.n_groups,
                                 .top_k_groups = moe.top_k_groups},
                       .gate = weights.linear(prefix + "gate", hidden, moe.n_experts),
                       .correction_bias = std::nullopt};
  if (moe.correction_bias) {
    mlp.router_->correction_bias = weights.floats(prefix + "gate.e_score_correction_bias", moe.n_experts);
  }
  return mlp;
}

void Mlp::add_table(Weights& weights, std::span<const abi::Expert> experts) {
  ops::set_table(shape_, experts);
  min_bits_ = UINT32_MAX;
  for (const abi::Expert& expert : experts) {
    const bool routed = &expert - experts.data() < shape_.n_experts - n_shared_;
    for (const abi::Matrix* matrix : {&expert.gate, &expert.up, &expert.down}) {
      (routed ? routed_bytes_ : other_bytes_) += abi::weight_bytes(*matrix);
      min_bits_ = std::min(min_bits_, bits_of(*matrix));
      max_bits_ = std::max(max_bits_, bits_of(*matrix));
    }
  }
  experts_ = weights.store(std::as_bytes(experts));
}

double Mlp::expected_weight_bytes(std::int64_t n_rows) const {
  const auto routed = static_cast<double>(routed_bytes_);
  const auto other = static_cast<double>(other_bytes_);
  if (!router_) return routed + other;
  const double missed = 1.0 - static_cast<double>(router_->shape.top_k) / static_cast<double>(router_->gate.n_out);
  return routed * (1.0 - std::pow(missed, static_cast<double>(n_rows))) + other +
         static_cast<double>(abi::weight_bytes(router_->gate));
}

std::string Mlp::bits() const {
  return min_bits_ == max_bits_ ? fmt::format("{}", min_bits_) : fmt::format("{}-{}", min_bits_, max_bits_);
}

void Mlp::encode(LayerBatchContext& batch, const Step& step) const {
  const std::int64_t n = step.n_rows;
  Encoder& encoder = batch.encoder();
  ops::RoutingBuffers routing = step.routing;
  if (router_) {
    batch.begin_stage(Stage::kRouter);
    SpaceCutter space(step.space);
    const BufferView logits = space.floats(n * router_->gate.n_out);
    ops::linear(encoder, router_->gate, {step.h, shape_.hidden}, {logits, router_->gate.n_out}, n, space.rest(),
                step.variant);
    ops::route(encoder, router_->shape, shape_, logits, router_->correction_bias, routing, n);
  } else {
    routing.ids = fixed_ids_;
    routing.weights = fixed_weights_;
  }
  batch.begin_stage(Stage::kExperts);
  const ops::MoeTrellisSwiglu moe(shape_, experts_, step.h, routing, step.x, n, step.space, step.variant);
  moe.gather(encoder);
  run_experts(batch, moe, step.expert_dispatch);
  moe.combine(encoder);
}

void Mlp::run_experts(LayerBatchContext& batch, const ops::MoeTrellisSwiglu& moe, ExpertDispatch dispatch) const {
  Encoder& encoder = batch.encoder();
  switch (dispatch) {
    case ExpertDispatch::kBatched:
      moe.run_experts(encoder, 0, shape_.n_experts);
      return;
    case ExpertDispatch::kSequential:
      for (std::int64_t expert = 0; expert < shape_.n_experts; ++expert) moe.run_experts(encoder, expert, 1);
      return;
    case ExpertDispatch::kSharedApart:
      moe.run_experts(encoder, 0, shape_.n_experts - n_shared_);
      if (n_shared_ == 0) return;
      batch.begin_stage(Stage::kSharedExpert);
      moe.run_experts(encoder, shape_.n_experts - n_shared_, n_shared_);
      batch.begin_stage(Stage::kExperts);
      return;
  }
}

std::int64_t Mlp::space_floats(std::int64_t n_rows) const {
  std::int64_t space = ops::moe_scratch_floats(shape_, n_rows);
  if (router_) {
    const std::int64_t routing = n_rows * router_->gate.n_out + ops::linear_scratch_floats(router_->gate, n_rows);
    space = std::max(space, routing);
  }
  return space;
}

}  // namespace marlin
