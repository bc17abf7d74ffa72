// SPDX-License-Identifier: Apache-2.0
// Declarations of the cpu kernels, for kernel_table.cc. Each pair is defined in the file of its operation; what it
// computes is said by the abi header of that name.
#pragma once

#include <cstdint>

#include "abi/kernel_variant.h"
#include "backends/cpu/kernel.h"

namespace marlin::cpu {

#define MARLIN_CPU_KERNEL(name)                           \
  std::uint32_t name##_items(const std::byte* arguments); \
  void name(const KernelCall& call, std::uint32_t begin, std::uint32_t end)

MARLIN_CPU_KERNEL(copy);
MARLIN_CPU_KERNEL(embed);
MARLIN_CPU_KERNEL(expert_sort);
MARLIN_CPU_KERNEL(exl3_transform);
MARLIN_CPU_KERNEL(fill);
MARLIN_CPU_KERNEL(finite_guard);
MARLIN_CPU_KERNEL(grouped_attention);
MARLIN_CPU_KERNEL(kv_append);
MARLIN_CPU_KERNEL(latent_attention);
MARLIN_CPU_KERNEL(latent_query);
MARLIN_CPU_KERNEL(latent_value);
MARLIN_CPU_KERNEL(mask_logits);
MARLIN_CPU_KERNEL(moe_combine);
MARLIN_CPU_KERNEL(moe_gather);
MARLIN_CPU_KERNEL(rms_norm);
MARLIN_CPU_KERNEL(rope);
MARLIN_CPU_KERNEL(router);
MARLIN_CPU_KERNEL(sample);

#undef MARLIN_CPU_KERNEL

// Kernels with variants.
#define MARLIN_CPU_VARIANT_KERNEL(name)                   \
  template <abi::KernelVariant kVariant>                  \
  std::uint32_t name##_items(const std::byte* arguments); \
  template <abi::KernelVariant kVariant>                  \
  void name(const KernelCall& call, std::uint32_t begin, std::uint32_t end)

MARLIN_CPU_VARIANT_KERNEL(matmul);
MARLIN_CPU_VARIANT_KERNEL(moe_down);
MARLIN_CPU_VARIANT_KERNEL(moe_gate_up);

#undef MARLIN_CPU_VARIANT_KERNEL

/// For the file that defines a kernel with variants: instantiates them all.
// NOLINTBEGIN(bugprone-macro-parentheses): names of templates
#define MARLIN_CPU_INSTANTIATE(name, variant)                               \
  template std::uint32_t name##_items<variant>(const std::byte* arguments); \
  template void name<variant>(const KernelCall& call, std::uint32_t, std::uint32_t)
#define MARLIN_CPU_INSTANTIATE_VARIANTS(name)                  \
  MARLIN_CPU_INSTANTIATE(name, abi::KernelVariant::kDecode);   \
  MARLIN_CPU_INSTANTIATE(name, abi::KernelVariant::kPrefill4); \
  MARLIN_CPU_INSTANTIATE(name, abi::KernelVariant::kBase);     \
  MARLIN_CPU_INSTANTIATE(name, abi::KernelVariant::kLargeBatch)
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace marlin::cpu
