// SPDX-License-Identifier: Apache-2.0
#include "ops/kv_append.h"

#include "abi/kv_append.h"

namespace marlin::ops {

void kv_append(Encoder& encoder, const Rows& x, const BufferView& cache, const RowPlaces& places, std::int64_t n_rows,
               const CacheRowShape& shape, abi::MatrixFormat format) {
  MARLIN_CHECK(shape.tail_dim < shape.dim);
  const abi::CacheVector vector{u32(shape.dim), u32(shape.tail_dim)};
  check_holds(x, n_rows, shape.n_vectors * shape.dim);
  check_holds_row(cache, shape.n_vectors, vector, format);
  const abi::KvAppendArguments arguments{.n_rows = u32(n_rows),
                                         .n_vectors = u32(shape.n_vectors),
                                         .vector = vector,
                                         .row_stride = u32(x.stride),
                                         .block_shift = check_places(places, n_rows),
                                         .cache_format = format,
                                         .reserved = 0};
  encoder.dispatch("kv_append_f32", arguments,
                   {reads(x.view), updates(cache), reads(places.places), reads(places.blocks)});
}

}  // namespace marlin::ops
