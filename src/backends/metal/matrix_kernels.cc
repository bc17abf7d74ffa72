// SPDX-License-Identifier: Apache-2.0
// Products with weight matrices and what prepares them: kernels/matmul.metal, kernels/moe.metal.
#include "backends/metal/kernel.h"

namespace marlin::metal {

std::span<const MetalKernel> matrix_kernels() { return {}; }

}  // namespace marlin::metal
