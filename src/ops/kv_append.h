// SPDX-License-Identifier: Apache-2.0
// Writing a pass's keys, values or latents into a cache.
#pragma once

#include "device/encoder.h"
#include "ops/row_places.h"

namespace marlin::ops {

/// What a row holds: n_vectors of `dim` numbers, of which the last tail_dim share no scale with the others.
struct CacheRowShape {
  std::int64_t n_vectors = 1;
  std::int64_t dim = 0;
  std::int64_t tail_dim = 0;
};

/// The cache row of each place = x[r], n_rows rows; cache [n_cache_rows] of `format`: f32, or rounded to f16 or int8
/// (abi/cache_vector.h).
void kv_append(Encoder& encoder, const Rows& x, const BufferView& cache, const RowPlaces& places, std::int64_t n_rows,
               const CacheRowShape& shape, abi::MatrixFormat format = abi::MatrixFormat::kF16);

}  // namespace marlin::ops
