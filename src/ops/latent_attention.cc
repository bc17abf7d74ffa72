// SPDX-License-Identifier: Apache-2.0
#include "ops/latent_attention.h"

#include "abi/attention.h"

namespace marlin::ops {

std::int64_t latent_attention_scratch_floats(const LatentAttentionShape& shape, std::int64_t n_rows) {
  return 2 * n_rows * shape.n_heads * shape.rank;  // queries and outputs in the latent space
}

void latent_attention(Encoder& encoder, const LatentAttentionShape& shape, const abi::Matrix& kv_b, const BufferView& q,
                      const BufferView& cache, const RowPlaces& places, const BufferView& out, std::int64_t n_rows,
                      const BufferView& scratch) {
  const std::int64_t head_stride = shape.nope_dim + shape.rope_dim;
  MARLIN_CHECK(kv_b.format != abi::MatrixFormat::kExl3 && kv_b.n_in == shape.rank);
  MARLIN_CHECK(kv_b.n_out == shape.n_heads * (shape.nope_dim + shape.value_dim));
  check_holds(q, n_rows * shape.n_heads * head_stride, sizeof(float));
  check_holds(out, n_rows * shape.n_heads * shape.value_dim, sizeof(float));
  check_holds_row(cache, 1, {u32(shape.rank + shape.rope_dim), u32(shape.rope_dim)}, shape.cache_format);
  check_holds(scratch, latent_attention_scratch_floats(shape, n_rows), sizeof(float));

  const auto half = static_cast<std::size_t>(n_rows * shape.n_heads * shape.rank) * sizeof(float);
  const BufferView latent_out{scratch.buffer, scratch.offset, half};  // first: as aligned as the scratch is
  const BufferView latent_query{scratch.buffer, scratch.offset + half, half};
  const abi::LatentProjectionArguments projection{.kv_b = kv_b.weights,
                                                  .format = kv_b.format,
                                                  .n_rows = u32(n_rows),
                                                  .n_heads = u32(shape.n_heads),
                                                  .nope_dim = u32(shape.nope_dim),
                                                  .value_dim = u32(shape.value_dim),
                                                  .rank = u32(shape.rank),
                                                  .q_row_stride = u32(shape.n_heads * head_stride),
                                                  .q_head_stride = u32(head_stride)};
  const abi::LatentAttentionArguments attention{.n_rows = u32(n_rows),
                                                .n_heads = u32(shape.n_heads),
                                                .rank = u32(shape.rank),
                                                .rope_dim = u32(shape.rope_dim),
                                                .q_row_stride = u32(shape.n_heads * head_stride),
                                                .q_head_stride = u32(head_stride),
                                                .q_rope_offset = u32(shape.nope_dim),
                                                .block_shift = check_places(places, n_rows),
                                                .scale = static_cast<float>(shape.scale),
                                                .cache_format = shape.cache_format};
  encoder.dispatch("latent_query_f32", projection, {reads(q), writes(latent_query)});
  encoder.dispatch(
      "latent_attention_f32", attention,
      {reads(latent_query), reads(q), reads(cache), reads(places.places), reads(places.blocks), writes(latent_out)});
  encoder.dispatch("latent_value_f32", projection, {reads(latent_out), writes(out)});
}

}  // namespace marlin::ops
