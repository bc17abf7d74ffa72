// SPDX-License-Identifier: Apache-2.0
// Causal softmax attention in float64: grouped, and latent (DeepSeek) in both its forms. The queries are the last
// n_queries of the n_keys positions: query i sees keys 0 .. n_keys - n_queries + i. RoPE is already applied to what
// comes in.
#pragma once

#include <cstddef>

#include "tests/support/reference/ops.h"

namespace marlin::reference {

struct GroupedAttention {
  std::size_t n_heads = 0;
  std::size_t n_kv_heads = 0;  ///< divides n_heads; query head h uses key head h / (n_heads / n_kv_heads)
  std::size_t head_dim = 0;
  std::size_t value_dim = 0;
  double scale = 1;  ///< multiplies q.k
};

/// -> [n_queries, n_heads, value_dim]
Tensor grouped_attention(const GroupedAttention& shape, const Tensor& q /* [n_queries, n_heads, head_dim] */,
                         const Tensor& k /* [n_keys, n_kv_heads, head_dim] */,
                         const Tensor& v /* [n_keys, n_kv_heads, value_dim] */);

struct LatentAttention {
  std::size_t n_heads = 0;
  std::size_t rank = 0;      ///< kv_lora_rank
  std::size_t nope_dim = 0;  ///< of a head's q and k, not rotated
  std::size_t rope_dim = 0;  ///< of a head's q, and of the key part all heads share
  std::size_t value_dim = 0;
  double scale = 1;
};

/// Multiplies every latent out to keys and values of all heads, then attends: the definition.
/// q holds [nope | rope] per head; kv_b's outputs are, per head, [nope | value]. -> [n_queries, n_heads, value_dim]
Tensor latent_attention_expanded(const LatentAttention& shape,
                                 const Tensor& q /* [n_queries, n_heads, nope_dim + rope_dim] */,
                                 const Tensor& latent /* [n_keys, rank] */,
                                 const Tensor& k_rope /* [n_keys, rope_dim] */,
                                 const Tensor& kv_b /* [rank, n_heads * (nope_dim + value_dim)] */);

/// The same value with kv_b moved to the query and the output, so that keys and values stay latent: what kernels do.
Tensor latent_attention_absorbed(const LatentAttention& shape,
                                 const Tensor& q /* [n_queries, n_heads, nope_dim + rope_dim] */,
                                 const Tensor& latent /* [n_keys, rank] */,
                                 const Tensor& k_rope /* [n_keys, rope_dim] */,
                                 const Tensor& kv_b /* [rank, n_heads * (nope_dim + value_dim)] */);

/// The query's part of the absorbed form: [kv_b's key part times q_nope | q_rope] per head.
/// -> [n_queries, n_heads, rank + rope_dim]
Tensor absorb_query(const LatentAttention& shape, const Tensor& q, const Tensor& kv_b);

/// The output's part: latents per head times kv_b's value part. -> [n_queries, n_heads, value_dim]
Tensor expand_output(const LatentAttention& shape, const Tensor& latent_out /* [n_queries, n_heads, rank] */,
                     const Tensor& kv_b);

}  // namespace marlin::reference
