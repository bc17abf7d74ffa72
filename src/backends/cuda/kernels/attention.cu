// SPDX-License-Identifier: Apache-2.0
// grouped_attention_f32 and latent_attention_f32 (abi/attention.h): on tensor cores (attention_tiles.h) for caches in
// f16 and int8 whose dimensions are multiples of 8 and fit, else attention_plain.h. Only the arguments and the device
// decide which, so that a row meets the same arithmetic in every launch.
#include <cuda_runtime.h>

#include <algorithm>
#include <array>

#include "abi/attention.h"
#include "backends/cuda/kernel.h"
#include "backends/cuda/kernels/attention_plain.h"
#include "backends/cuda/kernels/attention_tiles.h"

namespace marlin::cuda {
namespace {

using abi::GroupedAttentionArguments;
using abi::LatentAttentionArguments;
using abi::MatrixFormat;

__device__ AttentionWork grouped_work(const KernelCall& call, std::uint32_t kv_head) {
  const auto& args = call.arguments<GroupedAttentionArguments>();
  const std::uint32_t n_heads = args.n_heads / args.n_kv_heads;
  const std::uint64_t row_stride = std::uint64_t{args.n_heads} * args.head_dim;
  const std::uint64_t first = std::uint64_t{kv_head} * n_heads * args.head_dim;
  const abi::CacheVector vector = {args.head_dim, 0};
  const HeadRows<const float> query = {call.binding<const float>(0) + first, row_stride, args.head_dim};
  return {query,
          query,
          {call.binding<const void>(1), args.cache_format, vector, args.n_kv_heads, kv_head},
          {call.binding<const void>(2), args.cache_format, vector, args.n_kv_heads, kv_head},
          {call.binding<float>(5) + first, row_stride, args.head_dim},
          call.binding<const abi::RowPlace>(3),
          call.binding<const std::uint32_t>(4),
          args.block_shift,
          args.n_rows,
          n_heads,
          args.scale};
}

__device__ AttentionWork latent_work(const KernelCall& call) {
  const auto& args = call.arguments<LatentAttentionArguments>();
  const std::uint64_t row_stride = std::uint64_t{args.n_heads} * args.rank;
  const abi::CacheVector vector = {args.rank + args.rope_dim, args.rope_dim};
  const CachedVectors cache(call.binding<const void>(2), args.cache_format, vector, 1, 0);
  return {{call.binding<const float>(0), row_stride, args.rank},
          {call.binding<const float>(1) + args.q_rope_offset, args.q_row_stride, args.q_head_stride},
          cache,
          cache,
          {call.binding<float>(5), row_stride, args.rank},
          call.binding<const abi::RowPlace>(3),
          call.binding<const std::uint32_t>(4),
          args.block_shift,
          args.n_rows,
          args.n_heads,
          args.scale};
}

template <typename Shape>
__global__ void __launch_bounds__(kAttentionThreads, 1) grouped_tiles(const __grid_constant__ KernelCall call) {
  attend_tile<Shape>(grouped_work(call, blockIdx.z), call);
}

template <typename Shape>
__global__ void __launch_bounds__(kAttentionThreads, 1) latent_tiles(const __grid_constant__ KernelCall call) {
  attend_tile<Shape>(latent_work(call), call);
}

template <MatrixFormat kFormat>
__global__ void __launch_bounds__(kAttentionThreads) grouped_plain(const __grid_constant__ KernelCall call) {
  const auto& args = call.arguments<GroupedAttentionArguments>();
  const std::uint32_t group = args.n_heads / args.n_kv_heads;
  attend_plain<kFormat>(grouped_work(call, blockIdx.y / group), blockIdx.x, blockIdx.y % group);
}

template <MatrixFormat kFormat>
__global__ void __launch_bounds__(kAttentionThreads) latent_plain(const __grid_constant__ KernelCall call) {
  attend_plain<kFormat>(latent_work(call), blockIdx.x, blockIdx.y);
}

using Function = void (*)(KernelCall);

/// The instances for one shape of cache: of few and of many queries to a block.
struct TileKernels {
  struct Instance {
    Function function;
    std::uint32_t n_rows;
    std::uint32_t shared_bytes;
  };
  Instance few;
  Instance many;
};

template <typename Shape>
TileKernels::Instance grouped_instance(std::uint32_t vector_bytes) {
  return {grouped_tiles<Shape>, Shape::kRows, attention_shared_bytes<Shape>(vector_bytes)};
}

template <MatrixFormat kFormat, int kDim>
TileKernels grouped_kernels(std::uint32_t vector_bytes) {
  return {grouped_instance<TileShape<kFormat, kDim, 0, 16>>(vector_bytes),
          grouped_instance<TileShape<kFormat, kDim, 0, 64>>(vector_bytes)};
}

template <MatrixFormat kFormat>
TileKernels grouped_kernels(std::uint32_t dim) {
  const std::uint32_t vector_bytes = abi::cache_vector_bytes(kFormat, {dim, 0});
  if (dim <= 64) return grouped_kernels<kFormat, 64>(vector_bytes);
  if (dim <= 128) return grouped_kernels<kFormat, 128>(vector_bytes);
  return grouped_kernels<kFormat, 256>(vector_bytes);
}

template <typename Shape>
TileKernels::Instance latent_instance(std::uint32_t vector_bytes) {
  return {latent_tiles<Shape>, Shape::kRows, attention_shared_bytes<Shape>(vector_bytes)};
}

template <MatrixFormat kFormat>
TileKernels latent_kernels(abi::CacheVector vector) {
  const std::uint32_t vector_bytes = abi::cache_vector_bytes(kFormat, vector);
  return {latent_instance<TileShape<kFormat, 512, 64, 16>>(vector_bytes),
          latent_instance<TileShape<kFormat, 512, 64, 32>>(vector_bytes)};
}

/// What divides a launch into blocks.
struct PairCounts {
  std::uint32_t n_rows;
  std::uint32_t n_heads;  // that share keys
  std::uint32_t n_key_heads;
  std::uint32_t dim;  // of a result
};

constexpr std::uint32_t pieces(std::uint32_t n, std::uint32_t piece) { return (n + piece - 1) / piece; }

/// Up to this many rows, each has tiles of its own: they will be of many sequences, each a step further.
constexpr std::uint32_t kOwnTileRows = 64;

/// Into how many tiles the heads of a row are cut when rows share none: more than needed where few blocks would be at
/// work, of which a context of some thousand positions keeps two thirds of the spans busy.
std::uint32_t tiles_per_row(const PairCounts& counts, std::uint32_t tile_rows, const GpuLimits& gpu) {
  const std::uint32_t needed = pieces(counts.n_heads, tile_rows);
  const std::uint32_t wanted = gpu.n_multiprocessors * 2 / 3 / (kMaxSpans * counts.n_rows * counts.n_key_heads);
  const std::uint32_t n_tiles = std::clamp(wanted, needed, counts.n_heads);
  return pieces(counts.n_heads, pieces(counts.n_heads, n_tiles));
}

/// No kernel if a block does not find room on this device.
Launch launch_tiles(const TileKernels& kernels, const PairCounts& counts, const GpuLimits& gpu) {
  const std::uint32_t n_pairs = counts.n_rows * counts.n_heads;
  if (n_pairs == 0) return {};
  const bool many_fits = kernels.many.shared_bytes <= gpu.max_shared_bytes;
  const bool own_tiles = counts.n_rows <= kOwnTileRows;
  // few rows of many heads: one tile of all heads reads keys once
  const bool wants_many = own_tiles ? counts.n_heads > kernels.few.n_rows && counts.n_rows >= 4 : true;
  const TileKernels::Instance& kernel = wants_many && many_fits ? kernels.many : kernels.few;
  const std::uint32_t n_tiles =
      own_tiles ? counts.n_rows * tiles_per_row(counts, kernel.n_rows, gpu) : pieces(n_pairs, kernel.n_rows);
  // a block that walks through all spans saves the joining: as soon as there are enough of them
  const bool walks = !own_tiles && n_tiles * counts.n_key_heads >= gpu.n_multiprocessors;
  Launch launch{.function = kernel.function,
                .grid = {n_tiles, walks ? 1 : kMaxSpans, counts.n_key_heads},
                .n_threads = kAttentionThreads,
                .shared_bytes = kernel.shared_bytes};
  if (!walks) {
    launch.scratch_bytes = partial_sum_bytes(std::uint64_t{n_pairs} * counts.n_key_heads, counts.dim);
    launch.n_counters = n_tiles * counts.n_key_heads;
  }
  return launch;
}

Launch launch_plain(Function f16, Function f32, Function int8, MatrixFormat format, Grid grid) {
  const Function function = format == MatrixFormat::kF16 ? f16 : format == MatrixFormat::kF32 ? f32 : int8;
  return {.function = function, .grid = grid, .n_threads = kAttentionThreads};
}

bool fits(const TileKernels& kernels, const GpuLimits& gpu) { return kernels.few.shared_bytes <= gpu.max_shared_bytes; }

Launch launch_grouped(const std::byte* arguments, const GpuLimits& gpu) {
  const auto& args = *reinterpret_cast<const GroupedAttentionArguments*>(arguments);
  if (args.cache_format != MatrixFormat::kF32 && args.head_dim % 8 == 0 && args.head_dim <= 256) {
    const TileKernels kernels = args.cache_format == MatrixFormat::kF16
                                    ? grouped_kernels<MatrixFormat::kF16>(args.head_dim)
                                    : grouped_kernels<MatrixFormat::kInt8>(args.head_dim);
    const PairCounts counts = {args.n_rows, args.n_heads / args.n_kv_heads, args.n_kv_heads, args.head_dim};
    if (fits(kernels, gpu)) return launch_tiles(kernels, counts, gpu);
  }
  return launch_plain(grouped_plain<MatrixFormat::kF16>, grouped_plain<MatrixFormat::kF32>,
                      grouped_plain<MatrixFormat::kInt8>, args.cache_format, {args.n_rows, args.n_heads});
}

Launch launch_latent(const std::byte* arguments, const GpuLimits& gpu) {
  const auto& args = *reinterpret_cast<const LatentAttentionArguments*>(arguments);
  if (args.cache_format != MatrixFormat::kF32 && args.rank % 8 == 0 && args.rank <= 512 && args.rope_dim % 8 == 0 &&
      args.rope_dim <= 64) {
    const abi::CacheVector vector = {args.rank + args.rope_dim, args.rope_dim};
    const TileKernels kernels = args.cache_format == MatrixFormat::kF16 ? latent_kernels<MatrixFormat::kF16>(vector)
                                                                        : latent_kernels<MatrixFormat::kInt8>(vector);
    const PairCounts counts = {args.n_rows, args.n_heads, 1, args.rank};
    if (fits(kernels, gpu)) return launch_tiles(kernels, counts, gpu);
  }
  return launch_plain(latent_plain<MatrixFormat::kF16>, latent_plain<MatrixFormat::kF32>,
                      latent_plain<MatrixFormat::kInt8>, args.cache_format, {args.n_rows, args.n_heads});
}

constexpr std::array kKernels = {
    // caches and what is written are accessed 16 bytes at a time
    CudaKernel{.name = "grouped_attention_f32",
               .argument_bytes = sizeof(GroupedAttentionArguments),
               .n_bindings = 6,
               .launch = launch_grouped,
               .aligned_bindings = 1U << 1U | 1U << 2U | 1U << 5U},
    CudaKernel{.name = "latent_attention_f32",
               .argument_bytes = sizeof(LatentAttentionArguments),
               .n_bindings = 6,
               .launch = launch_latent,
               .aligned_bindings = 1U << 2U | 1U << 5U},
};

}  // namespace

std::span<const CudaKernel> attention_kernels() { return kKernels; }

}  // namespace marlin::cuda
