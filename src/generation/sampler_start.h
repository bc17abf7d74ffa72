// SPDX-License-Identifier: Apache-2.0
// A sampler's state, made on the host and brought to the device.
#pragma once

#include <cstdint>
#include <span>

#include "abi/sample.h"
#include "base/memory.h"
#include "device/device.h"
#include "metal_marlin/generation_options.h"

namespace marlin {

/// Makes `state` (sampler_state_bytes(arguments), of any visibility) that of a sequence with this prompt. `room` grows
/// as needed.
void start_sampler(Device& device, const abi::SampleArguments& arguments, const SamplingOptions& options,
                   std::span<const std::int32_t> prompt, const BufferView& state, PageMemory& room);

}  // namespace marlin
