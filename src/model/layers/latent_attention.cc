// SPDX-License-Identifier: Apache-2.0
// Multi-head latent attention (deepseek_v3, glm4_moe_lite). The cache row of a token is its normalised latent and its
// one rotated key; queries are absorbed, so keys and values are never expanded.
#include "ops/latent_attention.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "model/layers/attention.h"
#include "ops/kv_append.h"
#include "ops/linear.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "ops/space_cutter.h"

namespace marlin {
namespace {

class LatentAttention final : public Attention {
 public:
  LatentAttention(Weights& weights, const ModelConfig& config, const std::string& prefix)
      : shape_{.n_heads = config.attention.n_heads,
               .rank = config.attention.kv_lora_rank,
               .nope_dim = config.attention.qk_nope_head_dim,
               .rope_dim = config.attention.qk_rope_head_dim,
               .value_dim = config.attention.v_head_dim,
               .scale = config.attention.softmax_scale},
        hidden_(config.hidden_size),
        q_rank_(config.attention.q_lora_rank),
        latent_eps_(config.attention.latent_norm_eps),
        interleaved_(config.rope.layout == RopeLayout::kInterleaved),
        kv_a_(weights.linear(prefix + "kv_a_proj_with_mqa", hidden_, cache_width())),
        kv_b_(weights.plain_linear(prefix + "kv_b_proj", shape_.rank,
                                   shape_.n_heads * (shape_.nope_dim + shape_.value_dim))),
        o_(weights.linear(prefix + "o_proj", value_width(), hidden_)),
        kv_norm_(weights.floats(prefix + "kv_a_layernorm.weight", shape_.rank)) {
    if (q_rank_ > 0) {
      q_a_ = weights.linear(prefix + "q_a_proj", hidden_, q_rank_);
      q_norm_ = weights.floats(prefix + "q_a_layernorm.weight", q_rank_);
      q_b_ = weights.linear(prefix + "q_b_proj", q_rank_, q_width());
    } else {
      q_b_ = weights.linear(prefix + "q_proj", hidden_, q_width());
    }
  }

  void encode(Encoder& encoder, const Step& step, const LayerCache& cache) const override {
    const std::int64_t n = step.n_rows;
    SpaceCutter space(step.space);
    const BufferView q = space.floats(n * q_width());
    const BufferView kv = space.floats(n * cache_width());
    const BufferView out = space.floats(n * value_width());
    const BufferView q_latent = space.floats(n * q_rank_);
    const BufferView scratch = space.rest();

    // queries and keys go side by side, in such an order that neither waits for the other
    const ops::Rows h{step.h, hidden_};
    const ops::Rows q_rows{q, q_width()};
    const ops::Rows kv_rows{kv, cache_width()};
    const ops::Rows latent_rows{q_latent, q_rank_};
    const bool has_q_a = q_rank_ > 0;
    ops::linear(encoder, {{has_q_a ? *q_a_ : q_b_, has_q_a ? latent_rows : q_rows}, {kv_a_, kv_rows}}, h, n, scratch,
                step.variant);
    if (has_q_a) ops::rms_norm(encoder, *q_norm_, latent_rows, latent_rows, n, q_rank_, latent_eps_);
    ops::rms_norm(encoder, kv_norm_, kv_rows, kv_rows, n, shape_.rank, latent_eps_);
    ops::rope(encoder, step.rope_table, kv_rows, step.places, n, rotation(1, shape_.rank));
    if (has_q_a) ops::linear(encoder, q_b_, latent_rows, q_rows, n, scratch, step.variant);
    ops::rope(encoder, step.rope_table, q_rows, step.places, n, rotation(shape_.n_heads, shape_.nope_dim));
    ops::kv_append(encoder, kv_rows, cache.keys, step.places, n, {1, cache_width(), shape_.rope_dim}, cache.format);
    ops::LatentAttentionShape shape = shape_;
    shape.cache_format = cache.format;
    ops::latent_attention(encoder, shape, kv_b_, q, cache.keys, step.places, out, n, scratch);
    ops::linear(encoder, o_, {out, value_width()}, {step.x, hidden_}, n, scratch, step.variant,
                ops::Output::kAccumulate);
  }

  [[nodiscard]] std::int64_t space_floats(std::int64_t n_rows) const override {
    const auto inputs = [&](const abi::Matrix& matrix) { return ops::linear_scratch_floats(matrix, n_rows); };
    const std::int64_t scratch = std::max({ops::latent_attention_scratch_floats(shape_, n_rows),
                                           inputs(q_a_ ? *q_a_ : q_b_) + inputs(kv_a_), inputs(q_b_), inputs(o_)});
    return n_rows * (q_width() + cache_width() + value_width() + q_rank_) + scratch;
  }

  [[nodiscard]] std::uint64_t weight_bytes() const override {
    std::uint64_t bytes = q_a_ ? abi::weight_bytes(*q_a_) : 0;
    for (const abi::Matrix* matrix : {&q_b_, &kv_a_, &kv_b_, &o_}) bytes += abi::weight_bytes(*matrix);
    return bytes;
  }

 private:
  [[nodiscard]] std::int64_t q_width() const { return shape_.n_heads * (shape_.nope_dim + shape_.rope_dim); }
  [[nodiscard]] std::int64_t cache_width() const { return shape_.rank + shape_.rope_dim; }
  [[nodiscard]] std::int64_t value_width() const { return shape_.n_heads * shape_.value_dim; }

  [[nodiscard]] ops::RopeShape rotation(std::int64_t n_heads, std::int64_t offset) const {
    return {.n_heads = n_heads,
            .head_stride = shape_.nope_dim + shape_.rope_dim,
            .offset = offset,
            .dim = shape_.rope_dim,
            .interleaved = interleaved_};
  }

  ops::LatentAttentionShape shape_;
  std::int64_t hidden_;
  std::int64_t q_rank_;  // 0: one projection straight from the hidden state, in q_b_
  double latent_eps_;
  bool interleaved_;
  abi::Matrix kv_a_;
  abi::Matrix kv_b_;
  abi::Matrix o_;
  BufferView kv_norm_;
  abi::Matrix q_b_{};
  std::optional<abi::Matrix> q_a_;
  std::optional<BufferView> q_norm_;
};

}  // namespace

std::unique_ptr<Attention> bind_latent_attention(Weights& weights, const ModelConfig& config,
                                                 const std::string& prefix) {
  return std::make_unique<LatentAttention>(weights, config, prefix);
}

}  // namespace marlin
