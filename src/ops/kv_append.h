// SPDX-License-Identifier: Apache-2.0
// Writing a pass's keys, values or latents into a cache.
#pragma once

#include "device/encoder.h"
#include "ops/row_places.h"

namespace marlin::ops {

/// The cache row of each place = x[r], n_rows rows of `width`; cache [n_cache_rows, width] of `format`: f16 (rounded)
/// or f32.
void kv_append(Encoder& encoder, const Rows& x, const BufferView& cache, const RowPlaces& places, std::int64_t n_rows,
               std::int64_t width, abi::MatrixFormat format = abi::MatrixFormat::kF16);

}  // namespace marlin::ops
