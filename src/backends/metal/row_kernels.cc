// SPDX-License-Identifier: Apache-2.0
// Kernels that work on rows and on memory: kernels/rows.metal, kernels/router.metal.
#include <algorithm>
#include <array>

#include "abi/copy.h"
#include "abi/embed.h"
#include "abi/fill.h"
#include "abi/finite_guard.h"
#include "abi/kv_append.h"
#include "abi/mask_logits.h"
#include "abi/moe.h"
#include "abi/rms_norm.h"
#include "abi/rope.h"
#include "backends/metal/kernel.h"
#include "base/error.h"

namespace marlin::metal {
namespace {

constexpr std::uint32_t kMaxRopeDim = 4096;       // as in rows.metal
constexpr std::uint32_t kMaxExpertGroups = 1024;  // as in router.metal

std::uint32_t pieces(std::uint64_t n, std::uint64_t piece) {
  return static_cast<std::uint32_t>((n + piece - 1) / piece);
}

/// A thread per element.
template <typename Arguments>
Grid element_grid(const std::byte* arguments, std::uint32_t n_threads) {
  return {pieces(reinterpret_cast<const Arguments*>(arguments)->n, n_threads)};
}

/// A threadgroup per row.
template <typename Arguments>
Grid row_grid(const std::byte* arguments, std::uint32_t /*n_threads*/) {
  return {reinterpret_cast<const Arguments*>(arguments)->n_rows};
}

Grid embed_grid(const std::byte* arguments, std::uint32_t n_threads) {
  const auto& args = *reinterpret_cast<const abi::EmbedArguments*>(arguments);
  return {pieces(args.table.n_in, n_threads), args.n_rows};
}

Grid kv_append_grid(const std::byte* arguments, std::uint32_t n_threads) {
  const auto& args = *reinterpret_cast<const abi::KvAppendArguments*>(arguments);
  if (args.cache_format != abi::MatrixFormat::kInt8) {
    return {pieces(std::uint64_t{args.n_vectors} * args.vector.dim, n_threads), args.n_rows};
  }
  const std::uint32_t groups = pieces(abi::cache_numbers(args.cache_format, args.vector), abi::kScaleGroup);
  return {pieces(std::uint64_t{args.n_vectors} * groups, n_threads / kSimdgroupWidth), args.n_rows};
}

Grid rope_grid(const std::byte* arguments, std::uint32_t n_threads) {
  const auto& args = *reinterpret_cast<const abi::RopeArguments*>(arguments);
  if (args.dim == 0) return {};
  MARLIN_CHECK(args.dim <= std::max(2 * n_threads, kMaxRopeDim));
  const std::uint32_t heads_per_group = std::max(1U, n_threads / (args.dim / 2));
  return {pieces(args.n_heads, heads_per_group), args.n_rows};
}

Grid router_grid(const std::byte* arguments, std::uint32_t /*n_threads*/) {
  const auto& args = *reinterpret_cast<const abi::RouterArguments*>(arguments);
  MARLIN_CHECK(args.n_groups <= kMaxExpertGroups);
  return {args.n_rows};
}

constexpr std::array kKernels = {
    MetalKernel{"copy_f32", "rows", sizeof(abi::CopyArguments), 2, 256, element_grid<abi::CopyArguments>},
    MetalKernel{"embed_f32", "rows", sizeof(abi::EmbedArguments), 3, 256, embed_grid, true},
    MetalKernel{"fill_u32", "rows", sizeof(abi::FillArguments), 1, 256, element_grid<abi::FillArguments>},
    MetalKernel{"finite_guard_f32", "rows", sizeof(abi::FiniteGuardArguments), 1, 256,
                row_grid<abi::FiniteGuardArguments>, true},
    MetalKernel{"kv_append_f32", "rows", sizeof(abi::KvAppendArguments), 4, 256, kv_append_grid},
    MetalKernel{"mask_logits_f32", "rows", sizeof(abi::MaskLogitsArguments), 2, 256,
                element_grid<abi::MaskLogitsArguments>},
    MetalKernel{"rms_norm_f32", "rows", sizeof(abi::RmsNormArguments), 2, 512, row_grid<abi::RmsNormArguments>},
    MetalKernel{"rope_f32", "rows", sizeof(abi::RopeArguments), 3, 256, rope_grid},
    MetalKernel{"router_f32", "router", sizeof(abi::RouterArguments), 3, 128, router_grid, true},
};

}  // namespace

std::span<const MetalKernel> row_kernels() { return kKernels; }

}  // namespace marlin::metal
