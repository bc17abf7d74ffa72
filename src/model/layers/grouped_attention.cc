// SPDX-License-Identifier: Apache-2.0
// Attention with q, k and v projections and shared key-value heads (llama, qwen3), with an RMS norm of each query and
// key head where the model has one.
#include "ops/grouped_attention.h"

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

class GroupedAttention final : public Attention {
 public:
  GroupedAttention(Weights& weights, const ModelConfig& config, const std::string& prefix)
      : shape_{.n_heads = config.attention.n_heads,
               .n_kv_heads = config.attention.n_kv_heads,
               .head_dim = config.attention.head_dim,
               .scale = config.attention.softmax_scale},
        hidden_(config.hidden_size),
        norm_eps_(config.rms_norm_eps),
        interleaved_(config.rope.layout == RopeLayout::kInterleaved),
        q_(weights.linear(prefix + "q_proj", hidden_, q_width())),
        k_(weights.linear(prefix + "k_proj", hidden_, kv_width())),
        v_(weights.linear(prefix + "v_proj", hidden_, kv_width())),
        o_(weights.linear(prefix + "o_proj", q_width(), hidden_)) {
    if (config.attention.qk_norm) {
      q_norm_ = weights.floats(prefix + "q_norm.weight", shape_.head_dim);
      k_norm_ = weights.floats(prefix + "k_norm.weight", shape_.head_dim);
    }
  }

  void encode(Encoder& encoder, const Step& step, const LayerCache& cache) const override {
    const std::int64_t n = step.n_rows;
    SpaceCutter space(step.space);
    const BufferView out = space.floats(n * q_width());  // first: as aligned as the space is
    const BufferView q = space.floats(n * q_width());
    const BufferView k = space.floats(n * kv_width());
    const BufferView v = space.floats(n * kv_width());
    const BufferView scratch = space.rest();

    ops::linear(encoder, {{q_, {q, q_width()}}, {k_, {k, kv_width()}}, {v_, {v, kv_width()}}}, {step.h, hidden_}, n,
                scratch, step.variant);
    if (q_norm_) normalise_heads(encoder, *q_norm_, q, n * shape_.n_heads);
    if (k_norm_) normalise_heads(encoder, *k_norm_, k, n * shape_.n_kv_heads);
    rotate(encoder, step, {q, q_width()}, shape_.n_heads);
    rotate(encoder, step, {k, kv_width()}, shape_.n_kv_heads);
    const ops::CacheRowShape row{.n_vectors = shape_.n_kv_heads, .dim = shape_.head_dim};
    ops::kv_append(encoder, {k, kv_width()}, cache.keys, step.places, n, row, cache.format);
    ops::kv_append(encoder, {v, kv_width()}, cache.values, step.places, n, row, cache.format);
    ops::GroupedAttentionShape shape = shape_;
    shape.cache_format = cache.format;
    ops::grouped_attention(encoder, shape, q, cache.keys, cache.values, step.places, out, n);
    ops::linear(encoder, o_, {out, q_width()}, {step.x, hidden_}, n, scratch, step.variant, ops::Output::kAccumulate);
  }

  [[nodiscard]] std::int64_t space_floats(std::int64_t n_rows) const override {
    std::int64_t inputs = 0;
    for (const abi::Matrix* matrix : {&q_, &k_, &v_}) inputs += ops::linear_scratch_floats(*matrix, n_rows);
    const std::int64_t scratch = std::max(inputs, ops::linear_scratch_floats(o_, n_rows));
    return n_rows * (2 * q_width() + 2 * kv_width()) + scratch;
  }

  [[nodiscard]] std::uint64_t weight_bytes() const override {
    return abi::weight_bytes(q_) + abi::weight_bytes(k_) + abi::weight_bytes(v_) + abi::weight_bytes(o_);
  }

 private:
  [[nodiscard]] std::int64_t q_width() const { return shape_.n_heads * shape_.head_dim; }
  [[nodiscard]] std::int64_t kv_width() const { return shape_.n_kv_heads * shape_.head_dim; }

  void normalise_heads(Encoder& encoder, const BufferView& norm, const BufferView& heads, std::int64_t n_heads) const {
    ops::rms_norm(encoder, norm, {heads, shape_.head_dim}, {heads, shape_.head_dim}, n_heads, shape_.head_dim,
                  norm_eps_);
  }

  void rotate(Encoder& encoder, const Step& step, const ops::Rows& rows, std::int64_t n_heads) const {
    ops::rope(encoder, step.rope_table, rows, step.places, step.n_rows,
              {.n_heads = n_heads,
               .head_stride = shape_.head_dim,
               .offset = 0,
               .dim = shape_.head_dim,
               .interleaved = interleaved_});
  }

  ops::GroupedAttentionShape shape_;
  std::int64_t hidden_;
  double norm_eps_;
  bool interleaved_;
  abi::Matrix q_;
  abi::Matrix k_;
  abi::Matrix v_;
  abi::Matrix o_;
  std::optional<BufferView> q_norm_;
  std::optional<BufferView> k_norm_;
};

}  // namespace

std::unique_ptr<Attention> bind_grouped_attention(Weights& weights, const ModelConfig& config,
                                                  const std::string& prefix) {
  return std::make_unique<GroupedAttention>(weights, config, prefix);
}

}  // namespace marlin
