// SPDX-License-Identifier: Apache-2.0
#include "tests/support/reference/attention.h"

#include "base/error.h"

namespace marlin::reference {
namespace {

// One query head over its visible keys; k and v point at key 0 of the right head.
void attend(const double* q, const double* k, std::size_t k_stride, const double* v, std::size_t v_stride,
            std::size_t n_visible, const GroupedAttention& shape, double* out) {
  Tensor scores(n_visible);
  for (std::size_t t = 0; t < n_visible; ++t) {
    double dot = 0;
    for (std::size_t d = 0; d < shape.head_dim; ++d) dot += q[d] * k[t * k_stride + d];
    scores[t] = dot * shape.scale;
  }
  const Tensor weights = softmax(scores, n_visible);
  for (std::size_t t = 0; t < n_visible; ++t) {
    for (std::size_t d = 0; d < shape.value_dim; ++d) out[d] += weights[t] * v[t * v_stride + d];
  }
}

std::size_t kv_b_width(const LatentAttention& shape) { return shape.n_heads * (shape.nope_dim + shape.value_dim); }

}  // namespace

Tensor grouped_attention(const GroupedAttention& shape, const Tensor& q, const Tensor& k, const Tensor& v) {
  const std::size_t q_width = shape.n_heads * shape.head_dim;
  const std::size_t k_width = shape.n_kv_heads * shape.head_dim;
  const std::size_t v_width = shape.n_kv_heads * shape.value_dim;
  MARLIN_CHECK(q_width > 0 && k_width > 0 && v_width > 0 && shape.n_heads % shape.n_kv_heads == 0);
  const std::size_t n_queries = q.size() / q_width;
  const std::size_t n_keys = k.size() / k_width;
  MARLIN_CHECK(q.size() == n_queries * q_width && k.size() == n_keys * k_width && v.size() == n_keys * v_width &&
               n_queries <= n_keys);
  Tensor out(n_queries * shape.n_heads * shape.value_dim, 0.0);
  for (std::size_t i = 0; i < n_queries; ++i) {
    for (std::size_t head = 0; head < shape.n_heads; ++head) {
      const std::size_t kv_head = head / (shape.n_heads / shape.n_kv_heads);
      attend(q.data() + i * q_width + head * shape.head_dim, k.data() + kv_head * shape.head_dim, k_width,
             v.data() + kv_head * shape.value_dim, v_width, n_keys - n_queries + i + 1, shape,
             out.data() + (i * shape.n_heads + head) * shape.value_dim);
    }
  }
  return out;
}

Tensor latent_attention_expanded(const LatentAttention& shape, const Tensor& q, const Tensor& latent,
                                 const Tensor& k_rope, const Tensor& kv_b) {
  const Tensor expanded = matmul(latent, kv_b, shape.rank, kv_b_width(shape));  // [n_keys, n_heads, nope | value]
  const std::size_t n_keys = latent.size() / shape.rank;
  MARLIN_CHECK(k_rope.size() == n_keys * shape.rope_dim);
  Tensor k;
  Tensor v;
  for (std::size_t t = 0; t < n_keys; ++t) {
    for (std::size_t head = 0; head < shape.n_heads; ++head) {
      const double* nope = expanded.data() + (t * shape.n_heads + head) * (shape.nope_dim + shape.value_dim);
      const double* rotated = k_rope.data() + t * shape.rope_dim;
      k.insert(k.end(), nope, nope + shape.nope_dim);
      k.insert(k.end(), rotated, rotated + shape.rope_dim);
      v.insert(v.end(), nope + shape.nope_dim, nope + shape.nope_dim + shape.value_dim);
    }
  }
  const GroupedAttention grouped{shape.n_heads, shape.n_heads, shape.nope_dim + shape.rope_dim, shape.value_dim,
                                 shape.scale};
  return grouped_attention(grouped, q, k, v);
}

Tensor absorb_query(const LatentAttention& shape, const Tensor& q, const Tensor& kv_b) {
  const std::size_t q_dim = shape.nope_dim + shape.rope_dim;
  const std::size_t n_rows = q.size() / q_dim;  // query and head
  MARLIN_CHECK(kv_b.size() == shape.rank * kv_b_width(shape) && q.size() == n_rows * q_dim &&
               n_rows % shape.n_heads == 0);
  Tensor absorbed;
  for (std::size_t row = 0; row < n_rows; ++row) {
    const double* q_row = q.data() + row * q_dim;
    const std::size_t column = row % shape.n_heads * (shape.nope_dim + shape.value_dim);
    for (std::size_t r = 0; r < shape.rank; ++r) {
      double dot = 0;
      for (std::size_t d = 0; d < shape.nope_dim; ++d) dot += q_row[d] * kv_b[r * kv_b_width(shape) + column + d];
      absorbed.push_back(dot);
    }
    absorbed.insert(absorbed.end(), q_row + shape.nope_dim, q_row + q_dim);
  }
  return absorbed;
}

Tensor expand_output(const LatentAttention& shape, const Tensor& latent_out, const Tensor& kv_b) {
  const std::size_t n_rows = latent_out.size() / shape.rank;
  MARLIN_CHECK(kv_b.size() == shape.rank * kv_b_width(shape) && n_rows % shape.n_heads == 0);
  Tensor out;
  for (std::size_t row = 0; row < n_rows; ++row) {
    const std::size_t column = row % shape.n_heads * (shape.nope_dim + shape.value_dim) + shape.nope_dim;
    for (std::size_t d = 0; d < shape.value_dim; ++d) {
      double dot = 0;
      for (std::size_t r = 0; r < shape.rank; ++r) {
        dot += latent_out[row * shape.rank + r] * kv_b[r * kv_b_width(shape) + column + d];
      }
      out.push_back(dot);
    }
  }
  return out;
}

Tensor latent_attention_absorbed(const LatentAttention& shape, const Tensor& q, const Tensor& latent,
                                 const Tensor& k_rope, const Tensor& kv_b) {
  const std::size_t n_keys = latent.size() / shape.rank;
  MARLIN_CHECK(k_rope.size() == n_keys * shape.rope_dim);
  Tensor k;  // one key head for all: [n_keys, rank + rope_dim]
  for (std::size_t t = 0; t < n_keys; ++t) {
    const double* row = latent.data() + t * shape.rank;
    const double* rotated = k_rope.data() + t * shape.rope_dim;
    k.insert(k.end(), row, row + shape.rank);
    k.insert(k.end(), rotated, rotated + shape.rope_dim);
  }
  const GroupedAttention grouped{shape.n_heads, 1, shape.rank + shape.rope_dim, shape.rank, shape.scale};
  return expand_output(shape, grouped_attention(grouped, absorb_query(shape, q, kv_b), k, latent), kv_b);
}

}  // namespace marlin::reference
