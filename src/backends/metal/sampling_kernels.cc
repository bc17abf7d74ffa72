// SPDX-License-Identifier: Apache-2.0
// The choice of the next token: kernels/sample.metal.
#include "backends/metal/kernel.h"

namespace marlin::metal {

std::span<const MetalKernel> sampling_kernels() { return {}; }

}  // namespace marlin::metal
