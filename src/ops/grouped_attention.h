// SPDX-License-Identifier: Apache-2.0
// Causal attention with key-value heads shared by groups of query heads.
#pragma once

#include "device/encoder.h"
#include "ops/row_places.h"

namespace marlin::ops {

struct GroupedAttentionShape {
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;
  std::int64_t head_dim = 0;
  double scale = 0;
  abi::MatrixFormat cache_format = abi::MatrixFormat::kF16;  // or kF32, kInt8
};

/// out, q: f32 [n_rows, n_heads, head_dim]; keys, values: [n_cache_rows, n_kv_heads] vectors of head_dim, already
/// holding the rows' own. A row sees the positions of its sequence up to its own.
void grouped_attention(Encoder& encoder, const GroupedAttentionShape& shape, const BufferView& q,
                       const BufferView& keys, const BufferView& values, const RowPlaces& places, const BufferView& out,
                       std::int64_t n_rows);

}  // namespace marlin::ops
