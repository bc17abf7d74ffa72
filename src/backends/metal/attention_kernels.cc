// SPDX-License-Identifier: Apache-2.0
// Attention over the key-value cache: kernels/attention.metal.
#include <array>

#include "abi/attention.h"
#include "backends/metal/kernel.h"

namespace marlin::metal {
namespace {

/// A threadgroup per head of each row.
template <typename Arguments>
Grid head_grid(const std::byte* arguments, std::uint32_t /*n_threads*/) {
  const auto& args = *reinterpret_cast<const Arguments*>(arguments);
  return {args.n_heads, args.n_rows};
}

Grid latent_query_grid(const std::byte* arguments, std::uint32_t n_threads) {
  const auto& args = *reinterpret_cast<const abi::LatentProjectionArguments*>(arguments);
  return {(args.rank + n_threads - 1) / n_threads, args.n_heads, args.n_rows};
}

Grid latent_value_grid(const std::byte* arguments, std::uint32_t n_threads) {
  const auto& args = *reinterpret_cast<const abi::LatentProjectionArguments*>(arguments);
  const std::uint32_t n_simdgroups = n_threads / kSimdgroupWidth;
  return {(args.value_dim + n_simdgroups - 1) / n_simdgroups, args.n_heads, args.n_rows};
}

constexpr std::array kKernels = {
    MetalKernel{"grouped_attention_f32", "attention", sizeof(abi::GroupedAttentionArguments), 4, 512,
                head_grid<abi::GroupedAttentionArguments>},
    MetalKernel{"latent_attention_f32", "attention", sizeof(abi::LatentAttentionArguments), 4, 512,
                head_grid<abi::LatentAttentionArguments>},
    MetalKernel{"latent_query_f32", "attention", sizeof(abi::LatentProjectionArguments), 2, 256, latent_query_grid},
    MetalKernel{"latent_value_f32", "attention", sizeof(abi::LatentProjectionArguments), 2, 256, latent_value_grid},
};

}  // namespace

std::span<const MetalKernel> attention_kernels() { return kKernels; }

}  // namespace marlin::metal
