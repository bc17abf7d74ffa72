// SPDX-License-Identifier: Apache-2.0
#include "ops/kv_append.h"

#include "abi/kv_append.h"

namespace marlin::ops {

void kv_append(Encoder& encoder, const Rows& x, const BufferView& cache, const RowPlaces& places, std::int64_t n_rows,
               std::int64_t width, abi::MatrixFormat format) {
  check_holds(x, n_rows, width);
  check_holds(cache, width, cache_element_bytes(format));
  const abi::KvAppendArguments arguments{.n_rows = u32(n_rows),
                                         .width = u32(width),
                                         .row_stride = u32(x.stride),
                                         .block_shift = check_places(places, n_rows),
                                         .cache_format = format,
                                         .reserved = 0};
  encoder.dispatch("kv_append_f32", arguments,
                   {reads(x.view), updates(cache), reads(places.places), reads(places.blocks)});
}

}  // namespace marlin::ops
