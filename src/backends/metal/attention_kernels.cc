// SPDX-License-Identifier: Apache-2.0
// Attention over the key-value cache: kernels/attention.metal, kernels/latent_projection.metal.
#include <algorithm>
#include <array>

#include "abi/attention.h"
#include "backends/metal/kernel.h"

namespace marlin::metal {
namespace {

// As in attention.metal: dimensions above these are the work of attend_wide.h, a threadgroup per head.
constexpr std::uint32_t kMaxSpanHeadDim = 256;
constexpr std::uint32_t kMaxSpanRank = 512;
constexpr std::uint32_t kMaxSpanTail = 64;
/// Enough threadgroups for every core of the largest GPUs.
constexpr std::uint32_t kWantedThreadgroups = 160;

std::uint32_t pieces(std::uint32_t n, std::uint32_t piece) { return (n + piece - 1) / piece; }

/// For rows of n_sets sets of heads that share keys. Few rows: a threadgroup per set, whose simdgroups share the
/// context. Many: sets share a threadgroup, and so the loads of a cache row, down to two simdgroups for each.
Grid head_set_grid(std::uint32_t n_sets, std::uint32_t n_rows, std::uint32_t n_threads) {
  const std::uint32_t most = std::max(1U, n_threads / kSimdgroupWidth / 2);
  const std::uint64_t all = std::uint64_t{n_sets} * n_rows;
  const auto sets_per_group = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(all / kWantedThreadgroups, 1, most));
  return {pieces(n_sets, sets_per_group), n_rows};
}

Grid grouped_attention_grid(const std::byte* arguments, std::uint32_t n_threads) {
  const auto& args = *reinterpret_cast<const abi::GroupedAttentionArguments*>(arguments);
  if (args.head_dim > kMaxSpanHeadDim) return {args.n_heads, args.n_rows};
  const std::uint32_t group_size = args.n_heads / args.n_kv_heads;
  return head_set_grid(args.n_kv_heads * pieces(group_size, 2), args.n_rows, n_threads);
}

FunctionConstants grouped_attention_constants(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::GroupedAttentionArguments*>(arguments);
  return {{static_cast<std::uint32_t>(args.cache_format), args.head_dim, 0, args.n_heads / args.n_kv_heads}, 4};
}

Grid latent_attention_grid(const std::byte* arguments, std::uint32_t n_threads) {
  const auto& args = *reinterpret_cast<const abi::LatentAttentionArguments*>(arguments);
  if (args.rank > kMaxSpanRank || args.rope_dim > kMaxSpanTail) return {args.n_heads, args.n_rows};
  return head_set_grid(pieces(args.n_heads, 2), args.n_rows, n_threads);
}

FunctionConstants latent_attention_constants(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::LatentAttentionArguments*>(arguments);
  return {{static_cast<std::uint32_t>(args.cache_format), args.rank, args.rope_dim, args.n_heads}, 4};
}

// As in latent_projection.metal.
constexpr std::uint32_t kColumns = 128;
constexpr std::uint32_t kQueryRows = 8;
constexpr std::uint32_t kValueRows = 4;
constexpr std::uint32_t kValues = 4;

Grid latent_query_grid(const std::byte* arguments, std::uint32_t /*n_threads*/) {
  const auto& args = *reinterpret_cast<const abi::LatentProjectionArguments*>(arguments);
  return {pieces(args.rank, kColumns), args.n_heads, pieces(args.n_rows, kQueryRows)};
}

Grid latent_value_grid(const std::byte* arguments, std::uint32_t n_threads) {
  const auto& args = *reinterpret_cast<const abi::LatentProjectionArguments*>(arguments);
  return {pieces(args.value_dim, kValues * n_threads / kSimdgroupWidth), args.n_heads, pieces(args.n_rows, kValueRows)};
}

/// The format of kv_b and how its rows may be loaded: RowAlignment of load.h.
FunctionConstants latent_projection_constants(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::LatentProjectionArguments*>(arguments);
  const std::uint32_t element_bytes = args.format == abi::MatrixFormat::kF32 ? 4 : 2;
  const bool vectors = args.kv_b % (std::uint64_t{4} * element_bytes) == 0 && args.rank % 4 == 0;
  const std::uint32_t alignment = vectors ? 2 : args.kv_b % element_bytes == 0 ? 1 : 0;
  return {{static_cast<std::uint32_t>(args.format), alignment}, 2};
}

constexpr std::array kKernels = {
    MetalKernel{"grouped_attention_f32", "attention", sizeof(abi::GroupedAttentionArguments), 6, 512,
                grouped_attention_grid, false, grouped_attention_constants},
    MetalKernel{"latent_attention_f32", "attention", sizeof(abi::LatentAttentionArguments), 6, 512,
                latent_attention_grid, false, latent_attention_constants},
    MetalKernel{"latent_query_f32", "latent_projection", sizeof(abi::LatentProjectionArguments), 2, 256,
                latent_query_grid, false, latent_projection_constants},
    MetalKernel{"latent_value_f32", "latent_projection", sizeof(abi::LatentProjectionArguments), 2, 256,
                latent_value_grid, false, latent_projection_constants},
};

}  // namespace

std::span<const MetalKernel> attention_kernels() { return kKernels; }

}  // namespace marlin::metal
