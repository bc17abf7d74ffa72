// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "model/rope_table.h"
#include "ops/copy.h"
#include "ops/embed.h"
#include "ops/fill.h"
#include "ops/finite_guard.h"
#include "ops/kernel_variant.h"
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

std::int64_t Model::space_floats(std::int64_t n_rows, std::int64_t n_logit_rows) const {
  std::int64_t floats = ops::linear_scratch_floats(head_, n_logit_rows);
  for (const Layer& layer : layers_) {
    floats = std::max({floats, layer.attention->space_floats(n_rows), layer.mlp.space_floats(n_rows)});
  }
  return floats;
}

double Model::expected_weight_bytes(std::int64_t n_rows) const {
  auto bytes = static_cast<double>(abi::weight_bytes(head_));
  for (const Layer& layer : layers_) {
    bytes += static_cast<double>(layer.attention->weight_bytes()) + layer.mlp.expected_weight_bytes(n_rows);
  }
  return bytes;
}

SelectionSubject Model::selection_subject() const {
  const auto routed =
      std::find_if(layers_.begin(), layers_.end(), [](const Layer& layer) { return layer.mlp.is_routed(); });
  if (routed == layers_.end()) return {.top_k = 0, .bits = layers_.empty() ? "" : layers_.front().mlp.bits()};
  return {.top_k = config_.moe.top_k, .bits = routed->mlp.bits()};
}

RuntimeNeeds Model::runtime_needs(std::int64_t n_rows, std::int64_t n_logit_rows, std::int64_t n_blocks) const {
  RuntimeNeeds needs{.buffers = {.hidden = config_.hidden_size, .vocab_size = config_.vocab_size, .n_blocks = n_blocks},
                     .workspace_floats = space_floats(n_rows, n_logit_rows),
                     .max_rows = n_rows,
                     .max_logit_rows = n_logit_rows,
                     .selection = selection_subject()};
  for (const Layer& layer : layers_) {
    needs.buffers.slots_per_row = std::max(needs.buffers.slots_per_row, layer.mlp.shape().slots_per_row);
    needs.buffers.n_experts = std::max(needs.buffers.n_experts, layer.mlp.shape().n_experts);
  }
  return needs;
}

std::unique_ptr<Buffer> Model::make_rope_table(std::int64_t n_positions) const {
  const auto n = static_cast<std::size_t>(n_positions * rope_dim());
  std::vector<float> values(n);
  fill_rope_table(config_.rope, rope_dim(), values);
  std::unique_ptr<Buffer> table = device_.allocate(n * sizeof(float), "rope table", Visibility::kDevice);
  device_.upload({table.get(), 0, table->size_bytes()}, std::as_bytes(std::span(values)));
  return table;
}

void Model::normalise(LayerBatchContext& batch, const BufferView& weight, const Step& step) const {
  const std::int64_t hidden = config_.hidden_size;
  batch.begin_stage(Stage::kNorm);
  ops::rms_norm(batch.encoder(), weight, {step.x, hidden}, {step.h, hidden}, step.n_rows, hidden, config_.rms_norm_eps);
}

void Model::encode(Runtime& runtime, LayerBatchContext& batch, const ForwardPass& pass) const {
  MARLIN_CHECK(pass.n_rows >= 1 && pass.n_logit_rows <= pass.n_rows);
  const MoEBuffers& buffers = *pass.buffers;
  const bool copies_inputs = !device_.info().unified_memory;  // every layer reads them
  const auto input = [&](const BufferView& view) {
    MARLIN_CHECK(view.buffer == buffers.inputs.buffer);
    return copies_inputs ? BufferView{buffers.copy.buffer, buffers.copy.offset + view.offset, view.bytes} : view;
  };
  const Step step{.n_rows = pass.n_rows,
                  .places = {input(buffers.places), input(buffers.blocks), pass.cache->block_tokens()},
                  .x = buffers.x,
                  .h = buffers.h,
                  .space = runtime.workspace.space(space_floats(pass.n_rows, pass.n_logit_rows)),
                  .rope_table = pass.rope_table,
                  .routing = buffers.routing,
                  .variant = runtime.selector.choose(pass.n_rows),
                  .expert_dispatch = runtime.options.expert_dispatch};
  const bool check_finite = runtime.options.check_finite;

  batch.begin_stage(Stage::kEmbedding);
  constexpr std::uint32_t kPoison = 0x7FC0DEAD;  // a NaN, and no sensible index
  ops::fill(batch.encoder(), buffers.defined, kDebugBuild ? kPoison : 0);
  if (copies_inputs) ops::copy(batch.encoder(), buffers.inputs, buffers.copy);
  ops::embed(batch.encoder(), embedding_, input(buffers.ids), pass.chosen, step.x, step.n_rows);
  if (pass.tap) pass.tap(batch.encoder(), TapPoint::kEmbedded, -1, step);
  for (std::int64_t i = 0; i < config_.n_layers; ++i) {
    batch.begin_layer(i);
    encode_layer(batch, i, step, pass, check_finite);
  }
  if (pass.n_logit_rows > 0) encode_head(batch, step, pass, check_finite);
}

void Model::encode_layer(LayerBatchContext& batch, std::int64_t index, const Step& step, const ForwardPass& pass,
                         bool check_finite) const {
  const Layer& layer = layers_[static_cast<std::size_t>(index)];
  Encoder& encoder = batch.encoder();
  const auto guard = [&](abi::GuardedStage stage) {
    if (check_finite) ops::finite_guard(encoder, step.x, step.n_rows, config_.hidden_size, stage, index);
  };
  normalise(batch, layer.attention_norm, step);
  batch.begin_stage(Stage::kAttention);
  layer.attention->encode(encoder, step, pass.cache->layer(index));
  guard(abi::GuardedStage::kAttention);
  normalise(batch, layer.mlp_norm, step);
  layer.mlp.encode(batch, step);
  guard(abi::GuardedStage::kMlp);
  if (pass.tap && layer.mlp.is_routed()) pass.tap(encoder, TapPoint::kRouted, index, step);
  if (pass.tap) pass.tap(encoder, TapPoint::kLayerDone, index, step);
}

void Model::encode_head(LayerBatchContext& batch, const Step& step, const ForwardPass& pass, bool check_finite) const {
  const std::int64_t hidden = config_.hidden_size;
  const std::size_t skipped = static_cast<std::size_t>((step.n_rows - pass.n_logit_rows) * hidden) * sizeof(float);
  const BufferView last_x{step.x.buffer, step.x.offset + skipped, step.x.bytes - skipped};
  batch.begin_stage(Stage::kHead);
  Encoder& encoder = batch.encoder();
  ops::rms_norm(encoder, final_norm_, {last_x, hidden}, {step.h, hidden}, pass.n_logit_rows, hidden,
                config_.rms_norm_eps);
  const abi::KernelVariant variant =
      pass.n_logit_rows == step.n_rows ? step.variant : ops::variant_for_batch(pass.n_logit_rows);
  ops::linear(encoder, head_, {step.h, hidden}, {pass.buffers->logits, config_.vocab_size}, pass.n_logit_rows,
              step.space, variant);
  if (check_finite) {
    ops::finite_guard(encoder, pass.buffers->logits, pass.n_logit_rows, config_.vocab_size, abi::GuardedStage::kHead,
                      0);
  }
}

}  // namespace marlin
