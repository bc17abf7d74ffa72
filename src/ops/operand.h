// SPDX-License-Identifier: Apache-2.0
// How operations check their operands: a view must hold the rows an operation will touch.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/cache_vector.h"
#include "base/error.h"
#include "device/buffer.h"

namespace marlin::ops {

/// Rows of floats: row r begins at r * stride.
struct Rows {
  BufferView view;
  std::int64_t stride = 0;  // in floats
};

/// Checks that `view` holds `count` elements of `element_bytes`.
inline void check_holds(const BufferView& view, std::int64_t count, std::size_t element_bytes) {
  MARLIN_CHECK(count >= 0 && view.bytes / element_bytes >= static_cast<std::size_t>(count));
}

/// Checks that `rows` holds n_rows rows of `width` floats.
inline void check_holds(const Rows& rows, std::int64_t n_rows, std::int64_t width) {
  MARLIN_CHECK(width <= rows.stride || n_rows <= 1);
  if (n_rows > 0) check_holds(rows.view, (n_rows - 1) * rows.stride + width, sizeof(float));
}

/// Checks that `view` holds a row of n_vectors vectors of a key-value cache, where kernels may load all of it.
inline void check_holds_row(const BufferView& view, std::int64_t n_vectors, abi::CacheVector vector,
                            abi::MatrixFormat format) {
  using enum abi::MatrixFormat;
  MARLIN_CHECK(format == kF16 || format == kF32 || (format == kInt8 && view.offset % sizeof(float) == 0));
  check_holds(view, n_vectors, abi::cache_vector_bytes(format, vector));
}

/// Dimensions travel to kernels as 32 bits.
inline std::uint32_t u32(std::int64_t value) {
  MARLIN_CHECK(value >= 0 && value <= UINT32_MAX);
  return static_cast<std::uint32_t>(value);
}

}  // namespace marlin::ops
