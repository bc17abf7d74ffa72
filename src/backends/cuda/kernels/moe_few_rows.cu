// SPDX-License-Identifier: Apache-2.0
// Experts with few rows each, of tables that mix encodings.
#include "backends/cuda/kernels/moe_few_rows.h"

namespace marlin::cuda {

MoeKernels moe_any_encoding() { return {gate_up_few_rows<AnyEncoding>, down_few_rows<AnyEncoding>, AnyEncoding::kResident}; }

}  // namespace marlin::cuda
