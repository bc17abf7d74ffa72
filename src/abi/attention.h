// SPDX-License-Identifier: Apache-2.0
// Causal attention over a cache that already holds the rows' own keys: a row sees the positions of its sequence up to
// its own. Where they lie in the cache, `places` (RowPlace [n_rows]) and `blocks` (u32) say: abi/row_place.h. What a
// cache row looks like in `cache_format`, f16, f32 or int8: abi/cache_vector.h.
//
// grouped_attention_f32: query head h reads key-value head h / (n_heads / n_kv_heads).
// Bindings: q f32 [n_rows, n_heads, head_dim] read; keys, values [n_cache_rows, n_kv_heads] vectors of head_dim read;
//           places, blocks read; out f32 [n_rows, n_heads, head_dim] written.
//
// latent_attention_f32: score = query . latent + rotated query . rotated key, both from one cache row; out = sum of
// latents. Bindings: query f32 [n_rows, n_heads, rank] read; q f32 (rotated part of head h of row r at
//           r * q_row_stride + h * q_head_stride + q_rope_offset) read; cache [n_cache_rows] vectors of rank +
//           rope_dim, of which rope_dim are the tail, read; places, blocks read; out f32 [n_rows, n_heads, rank]
//           written.
//
// latent_query_f32: query = q_nope W_uk, latent_value_f32: out = latent W_uv^T, per head, from kv_b f32/f16/bf16
//   [n_heads, nope + value_dim, rank] (for each head first the key rows, then the value rows).
// Bindings of latent_query_f32: q f32 (strides as above, offset 0) read; query f32 [n_rows, n_heads, rank] written.
// Bindings of latent_value_f32: latent f32 [n_rows, n_heads, rank] read; out f32 [n_rows, n_heads, value_dim] written.
#pragma once

#include "abi/matrix.h"

namespace marlin::abi {

struct GroupedAttentionArguments {
  std::uint32_t n_rows;
  std::uint32_t n_heads;
  std::uint32_t n_kv_heads;
  std::uint32_t head_dim;
  std::uint32_t block_shift;
  float scale;
  MatrixFormat cache_format;
  std::uint32_t reserved;
};
static_assert(sizeof(GroupedAttentionArguments) == 32);

struct LatentAttentionArguments {
  std::uint32_t n_rows;
  std::uint32_t n_heads;
  std::uint32_t rank;
  std::uint32_t rope_dim;
  std::uint32_t q_row_stride;   // in floats
  std::uint32_t q_head_stride;  // in floats
  std::uint32_t q_rope_offset;  // in floats
  std::uint32_t block_shift;
  float scale;
  MatrixFormat cache_format;
};
static_assert(sizeof(LatentAttentionArguments) == 40);

/// Of latent_query_f32 and latent_value_f32.
struct LatentProjectionArguments {
  std::uint64_t kv_b;
  MatrixFormat format;
  std::uint32_t n_rows;
  std::uint32_t n_heads;
  std::uint32_t nope_dim;
  std::uint32_t value_dim;
  std::uint32_t rank;
  std::uint32_t q_row_stride;   // in floats; latent_query only
  std::uint32_t q_head_stride;  // in floats; latent_query only
};
static_assert(sizeof(LatentProjectionArguments) == 40);

}  // namespace marlin::abi
