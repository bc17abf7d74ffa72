// SPDX-License-Identifier: Apache-2.0
// Catching numbers gone wrong where they arise.
#pragma once

#include <cstdint>

#include "abi/finite_guard.h"
#include "device/encoder.h"

namespace marlin::ops {

/// Fails the command buffer, naming layer and stage, if x f32 [n_rows, width] holds a NaN or an infinity.
void finite_guard(Encoder& encoder, const BufferView& x, std::int64_t n_rows, std::int64_t width,
                  abi::GuardedStage stage, std::int64_t layer);

}  // namespace marlin::ops
