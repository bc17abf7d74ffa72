// SPDX-License-Identifier: Apache-2.0
// Linear layers of one codebook: see matmul_kernels.h.
#include "backends/cuda/kernels/matmul_kernels.h"

namespace marlin::cuda {

MatmulFunctions matmul_mul1(std::uint32_t bits) { return matmul_functions<abi::TrellisCodebook::kMul1>(bits); }

}  // namespace marlin::cuda
