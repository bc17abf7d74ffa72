// SPDX-License-Identifier: Apache-2.0
// Linear layers of one codebook: see matmul_kernels.h.
#include "backends/cuda/kernels/matmul_kernels.h"

namespace marlin::cuda {

KernelFunction matmul_3inst(std::uint32_t bits) { return few_rows_function<abi::TrellisCodebook::k3Inst>(bits); }

}  // namespace marlin::cuda
