// SPDX-License-Identifier: Apache-2.0
// Attention over the key-value cache: kernels/attention.metal.
#include "backends/metal/kernel.h"

namespace marlin::metal {

std::span<const MetalKernel> attention_kernels() { return {}; }

}  // namespace marlin::metal
