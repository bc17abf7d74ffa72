// SPDX-License-Identifier: Apache-2.0
// rope_f32: rotates `dim` values of each head of each row in place. Pairs are (i, i + dim/2), or (2i, 2i + 1) when
// interleaved; the result always lies in halves (the order inside a head does not matter to q.k as long as both agree).
// Bindings: x f32 updated; table f32 [n_positions, dim/2, 2] (cos, sin) read; places RowPlace [n_rows] read: the
//           position of each row (abi/row_place.h).
#pragma once

#include <cstdint>

namespace marlin::abi {

struct RopeArguments {
  std::uint32_t n_rows;
  std::uint32_t n_heads;
  std::uint32_t row_stride;   // in floats
  std::uint32_t head_stride;  // in floats
  std::uint32_t dim;
  std::uint32_t interleaved;  // 0 or 1
};
static_assert(sizeof(RopeArguments) == 24);

}  // namespace marlin::abi
