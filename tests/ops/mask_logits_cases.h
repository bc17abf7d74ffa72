// SPDX-License-Identifier: Apache-2.0
// Conformance of the mask operation, alone and in front of the sampler.
#pragma once

#include <cstddef>
#include <vector>

#include "device/device.h"

namespace marlin::test {

/// Below, at and above the words of a mask and the stretches of the cpu, and one as large as they come.
const std::vector<std::size_t>& mask_sizes();

/// Masks of every density over `n` logits of every kind: what is allowed keeps its bits, all else is -infinity.
void check_mask_logits(Device& device, std::size_t n);

/// With all settings of the sampler: only what the mask allows is chosen, and what the sampler of the host chooses.
void check_mask_then_sample(Device& device);

}  // namespace marlin::test
