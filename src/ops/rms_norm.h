// SPDX-License-Identifier: Apache-2.0
// Root-mean-square normalisation.
#pragma once

#include "device/encoder.h"
#include "ops/operand.h"

namespace marlin::ops {

/// out = x / sqrt(mean(x^2) + eps) * weight for n_rows rows of n floats; weight f32 [n]. `out` may be `x`.
void rms_norm(Encoder& encoder, const BufferView& weight, const Rows& x, const Rows& out, std::int64_t n_rows,
              std::int64_t n, double eps);

}  // namespace marlin::ops
