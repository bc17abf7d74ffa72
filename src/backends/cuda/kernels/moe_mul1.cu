// SPDX-License-Identifier: Apache-2.0
#include "backends/cuda/kernels/moe_few_rows.h"

namespace marlin::cuda {

MoeKernels moe_mul1(std::uint32_t bits) { return moe_few_rows_functions<abi::TrellisCodebook::kMul1>(bits); }

}  // namespace marlin::cuda
