// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "model/rope_table.h"
#include "ops/embed.h"
#include "ops/linear.h"
#include "ops/rms_norm.h"

namespace marlin {

Model::Model(Device& device, ModelConfig config, const TensorSource& source, const Progress& progress)
    : device_(device), config_(std::move(config)), weights_(device, source) {
  embedding_ = weights_.plain_linear("model.embed_tokens", config_.hidden_size, config_.vocab_size);
  // Quantised models store the head apart even when the original tied it.
  head_ = weights_.has_linear("lm_head") || !config_.tie_word_embeddings
              ? weights_.linear("lm_head", config_.hidden_size, config_.vocab_size)
              : embedding_;
  final_norm_ = weights_.floats("model.norm.weight", config_.hidden_size);
  for (std::int64_t i = 0; i < config_.n_layers; ++i) {
    layers_.push_back(bind_layer(i));
    if (progress) progress(i + 1, config_.n_layers);
  }
  weight_bytes_ = source.total_bytes() + weights_.stored_bytes();
}

Model::Layer Model::bind_layer(std::int64_t index) {
  const std::string prefix = fmt::format("model.layers.{}.", index);
  return {.attention_norm = weights_.floats(prefix + "input_layernorm.weight", config_.hidden_size),
          .attention = bind_attention(weights_, config_, prefix + "self_attn."),
          .mlp_norm = weights_.floats(prefix + "post_attention_layernorm.weight", config_.hidden_size),
          .mlp = Mlp::bind(weights_, config_, index, prefix + "mlp.")};
}

std::int64_t Model::rope_dim() const {
  return config_.attention.kind == AttentionKind::kLatent ? config_.attention.qk_rope_head_dim
                                                          : config_.attention.head_dim;
}

WorkspaceNeeds Model::workspace_needs(std::int64_t n_rows, std::int64_t n_logit_rows) const {
  WorkspaceNeeds needs{.n_rows = n_rows,
                       .hidden = config_.hidden_size,
                       .space_floats = ops::linear_scratch_floats(head_, n_logit_rows),
                       .vocab_size = config_.vocab_size,
                       .n_logit_rows = n_logit_rows};
  for (const Layer& layer : layers_) {
    needs.space_floats =
        std::max({needs.space_floats, layer.attention->space_floats(n_rows), layer.mlp.space_floats(n_rows)});
    needs.slots_per_row = std::max(needs.slots_per_row, layer.mlp.shape().slots_per_row);
    needs.n_experts = std::max(needs.n_experts, layer.mlp.shape().n_experts);
  }
  return needs;
}

std::unique_ptr<Buffer> Model::make_rope_table(std::int64_t n_positions) const {
  const auto n = static_cast<std::size_t>(n_positions * rope_dim());
  std::unique_ptr<Buffer> table = device_.allocate(n * sizeof(float), "rope table");
  fill_rope_table(config_.rope, rope_dim(), {reinterpret_cast<float*>(table->host()), n});
  return table;
}

void Model::normalise(CommandBuffer& commands, const BufferView& weight, const Step& step) const {
  const std::int64_t hidden = config_.hidden_size;
  ops::rms_norm(commands, weight, {step.x, hidden}, {step.h, hidden}, step.n_rows, hidden, config_.rms_norm_eps);
}

void Model::encode(CommandBuffer& commands, const ForwardPass& pass) const {
  MARLIN_CHECK(pass.start_position + pass.n_rows <= pass.cache->n_positions());
  MARLIN_CHECK(pass.n_logit_rows <= std::min(pass.n_rows, pass.workspace->needs().n_logit_rows));
  const Step step = pass.workspace->step(pass.n_rows, pass.start_position, pass.rope_table);
  const auto tap = [&](TapPoint point, std::int64_t layer) {
    if (pass.tap) pass.tap(commands, point, layer, step);
  };

  ops::embed(commands, embedding_, pass.workspace->ids(), step.x, step.n_rows);
  tap(TapPoint::kEmbedded, -1);
  for (std::int64_t i = 0; i < config_.n_layers; ++i) {
    const Layer& layer = layers_[static_cast<std::size_t>(i)];
    normalise(commands, layer.attention_norm, step);
    layer.attention->encode(commands, step, pass.cache->layer(i));
    normalise(commands, layer.mlp_norm, step);
    layer.mlp.encode(commands, step);
    if (layer.mlp.is_routed()) tap(TapPoint::kRouted, i);
    tap(TapPoint::kLayerDone, i);
  }
  if (pass.n_logit_rows == 0) return;

  const std::int64_t hidden = config_.hidden_size;
  const std::size_t skipped = static_cast<std::size_t>((step.n_rows - pass.n_logit_rows) * hidden) * sizeof(float);
  const BufferView last_x{step.x.buffer, step.x.offset + skipped, step.x.bytes - skipped};
  ops::rms_norm(commands, final_norm_, {last_x, hidden}, {step.h, hidden}, pass.n_logit_rows, hidden,
                config_.rms_norm_eps);
  ops::linear(commands, head_, {step.h, hidden}, {pass.workspace->logits(), config_.vocab_size}, pass.n_logit_rows,
              step.space);
}

}  // namespace marlin
