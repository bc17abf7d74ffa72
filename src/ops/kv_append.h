// SPDX-License-Identifier: Apache-2.0
// Writing a chunk's keys, values or latents into a cache.
#pragma once

#include "device/encoder.h"
#include "ops/operand.h"

namespace marlin::ops {

/// cache[start_position + r] = x[r], n_rows rows of `width`; cache [n_positions, width] of `format`: f16 (rounded) or
/// f32.
void kv_append(Encoder& encoder, const Rows& x, const BufferView& cache, std::int64_t n_rows, std::int64_t width,
               std::int64_t start_position, abi::MatrixFormat format = abi::MatrixFormat::kF16);

}  // namespace marlin::ops
