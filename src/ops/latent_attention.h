// SPDX-License-Identifier: Apache-2.0
// Multi-head latent attention in absorbed form (DeepSeek-V2, arXiv 2405.04434, section 2.1): queries are carried into
// the latent space and the cache is never expanded. score = (q_nope W_uk) . latent + q_rope . k_rope; out = (p latent)
// W_uv^T.
#pragma once

#include "abi/matrix.h"
#include "device/encoder.h"
#include "ops/row_places.h"

namespace marlin::ops {

struct LatentAttentionShape {
  std::int64_t n_heads = 0;
  std::int64_t rank = 0;      // of the latent
  std::int64_t nope_dim = 0;  // of a query head, not rotated
  std::int64_t rope_dim = 0;  // of a query head, rotated; follows nope_dim
  std::int64_t value_dim = 0;
  double scale = 0;
  abi::MatrixFormat cache_format = abi::MatrixFormat::kF16;  // or kF32, kInt8
};

/// Floats of scratch that latent_attention() needs for n_rows rows.
std::int64_t latent_attention_scratch_floats(const LatentAttentionShape& shape, std::int64_t n_rows);

/// q: f32 [n_rows, n_heads, nope_dim + rope_dim], rotated; kv_b: plain matrix [n_heads (nope_dim + value_dim)][rank];
/// cache: [n_cache_rows] vectors of rank + rope_dim, the latter as tail, already holding the rows' own; out: f32
/// [n_rows, n_heads, value_dim]. A row sees the positions of its sequence up to its own.
void latent_attention(Encoder& encoder, const LatentAttentionShape& shape, const abi::Matrix& kv_b, const BufferView& q,
                      const BufferView& cache, const RowPlaces& places, const BufferView& out, std::int64_t n_rows,
                      const BufferView& scratch);

}  // namespace marlin::ops
