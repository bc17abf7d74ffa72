// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding.
#pragma once

#include "device/encoder.h"
#include "ops/row_places.h"

namespace marlin::ops {

/// Which values of a row are rotated: n_heads heads of `dim` values, head h at offset + h * head_stride.
struct RopeShape {
  std::int64_t n_heads = 0;
  std::int64_t head_stride = 0;
  std::int64_t offset = 0;
  std::int64_t dim = 0;
  bool interleaved = false;  ///< pairs (2i, 2i+1) instead of (i, i + dim/2); the result lies in halves either way
};

/// Rotates n_rows rows in place, each as its position says; table f32 [n_positions, dim/2, 2] (cos, sin).
void rope(Encoder& encoder, const BufferView& table, const Rows& x, const RowPlaces& places, std::int64_t n_rows,
          const RopeShape& shape);

}  // namespace marlin::ops
