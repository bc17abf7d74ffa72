// SPDX-License-Identifier: Apache-2.0
#include "ops/grouped_attention.h"

#include "abi/attention.h"

namespace marlin::ops {

void grouped_attention(Encoder& encoder, const GroupedAttentionShape& shape, const BufferView& q,
                       const BufferView& keys, const BufferView& values, const RowPlaces& places, const BufferView& out,
                       std::int64_t n_rows) {
  MARLIN_CHECK(shape.n_kv_heads > 0 && shape.n_heads % shape.n_kv_heads == 0);
  check_holds(q, n_rows * shape.n_heads * shape.head_dim, sizeof(float));
  check_holds(out, n_rows * shape.n_heads * shape.head_dim, sizeof(float));
  for (const BufferView& cache : {keys, values}) {
    check_holds_row(cache, shape.n_kv_heads, {u32(shape.head_dim), 0}, shape.cache_format);
  }
  const abi::GroupedAttentionArguments arguments{.n_rows = u32(n_rows),
                                                 .n_heads = u32(shape.n_heads),
                                                 .n_kv_heads = u32(shape.n_kv_heads),
                                                 .head_dim = u32(shape.head_dim),
                                                 .block_shift = check_places(places, n_rows),
                                                 .scale = static_cast<float>(shape.scale),
                                                 .cache_format = shape.cache_format,
                                                 .reserved = 0};
  encoder.dispatch("grouped_attention_f32", arguments,
                   {reads(q), reads(keys), reads(values), reads(places.places), reads(places.blocks), writes(out)});
}

}  // namespace marlin::ops
