// SPDX-License-Identifier: Apache-2.0
// What the layers of one forward pass share while it is encoded: how many rows, where they stand, the memory they work
// in, and how their kernels are launched. Made by Model for each pass.
#pragma once

#include <cstdint>

#include "abi/kernel_variant.h"
#include "device/buffer.h"
#include "ops/moe.h"
#include "ops/row_places.h"
#include "runtime/runtime.h"

namespace marlin {

/// Most rows of one forward pass on any device (DeviceInfo::step_rows).
inline constexpr std::int64_t kMaxStepRows = 2048;

struct Step {
  std::int64_t n_rows = 0;
  ops::RowPlaces places;
  BufferView x;           // f32 [n_rows, hidden], the residual stream
  BufferView h;           // f32 [n_rows, hidden], the normalised input of a sublayer
  BufferView space;       // floats private to the sublayer being encoded
  BufferView rope_table;  // f32 [n_positions, dim / 2, 2]
  ops::RoutingBuffers routing;
  abi::KernelVariant variant = abi::KernelVariant::kDecode;
  ExpertDispatch expert_dispatch = ExpertDispatch::kBatched;
};

}  // namespace marlin
