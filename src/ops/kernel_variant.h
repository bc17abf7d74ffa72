// SPDX-License-Identifier: Apache-2.0
// Which variant a batch takes, and the names of the kernels that have variants.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "abi/kernel_variant.h"

namespace marlin::ops {

/// 1 row: decode, to 16: prefill4, to 32: base, beyond: large_batch. Errors: kInvalidArgument for n_rows < 1.
abi::KernelVariant variant_for_batch(std::int64_t n_rows);

/// Why: "one row: multiply while decoding", for the log.
std::string_view variant_reason(abi::KernelVariant variant);

/// Kernel names by variant.
using VariantKernels = std::array<std::string_view, abi::kAllVariants.size()>;
inline constexpr VariantKernels kMatmulKernels = {"matmul_decode_f32", "matmul_prefill4_f32", "matmul_base_f32",
                                                  "matmul_large_batch_f32"};
inline constexpr VariantKernels kMoeGateUpKernels = {"moe_gate_up_decode_f32", "moe_gate_up_prefill4_f32",
                                                     "moe_gate_up_base_f32", "moe_gate_up_large_batch_f32"};
inline constexpr VariantKernels kMoeDownKernels = {"moe_down_decode_f32", "moe_down_prefill4_f32", "moe_down_base_f32",
                                                   "moe_down_large_batch_f32"};

inline std::string_view kernel_of(const VariantKernels& kernels, abi::KernelVariant variant) {
  return kernels[static_cast<std::size_t>(variant)];
}

}  // namespace marlin::ops
