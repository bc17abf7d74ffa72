// SPDX-License-Identifier: Apache-2.0
#include "ops/rope.h"

#include "abi/rope.h"

namespace marlin::ops {

void rope(Encoder& encoder, const BufferView& table, const Rows& x, const RowPlaces& places, std::int64_t n_rows,
          const RopeShape& shape) {
  MARLIN_CHECK(shape.dim % 2 == 0 && shape.n_heads > 0);
  check_places(places, n_rows);
  check_holds(x, n_rows, shape.offset + (shape.n_heads - 1) * shape.head_stride + shape.dim);
  const abi::RopeArguments arguments{.n_rows = u32(n_rows),
                                     .n_heads = u32(shape.n_heads),
                                     .row_stride = u32(x.stride),
                                     .head_stride = u32(shape.head_stride),
                                     .dim = u32(shape.dim),
                                     .interleaved = shape.interleaved ? 1U : 0U};
  const std::size_t skipped = static_cast<std::size_t>(shape.offset) * sizeof(float);
  const BufferView rotated{x.view.buffer, x.view.offset + skipped, x.view.bytes - skipped};
  encoder.dispatch("rope_f32", arguments, {updates(rotated), reads(table), reads(places.places)});
}

}  // namespace marlin::ops
