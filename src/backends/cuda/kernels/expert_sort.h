// SPDX-License-Identifier: Apache-2.0
// Launches of what brings the rows of a layer to their experts and back: expert_sort_i32, moe_combine_f32 (abi/moe.h).
#pragma once

#include <cstddef>

#include "backends/cuda/kernel.h"

namespace marlin::cuda {

Launch launch_expert_sort(const std::byte* arguments, const GpuLimits& gpu);
Launch launch_moe_combine(const std::byte* arguments, const GpuLimits& gpu);

}  // namespace marlin::cuda
