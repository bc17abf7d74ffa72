// SPDX-License-Identifier: Apache-2.0
// latent_query_f32 and latent_value_f32: the products with kv_b that lead into the latent space and out of it; see
// abi/attention.h. f16 and bf16 run on tensor cores (latent_projection_tiles.h); f32, and dimensions that shared memory
// cannot hold, in plain float.
#include <cuda_runtime.h>

#include <algorithm>
#include <array>

#include "abi/attention.h"
#include "backends/cuda/kernel.h"
#include "backends/cuda/kernels/latent_projection_tiles.h"

namespace marlin::cuda {
namespace {

using abi::LatentProjectionArguments;
using abi::MatrixFormat;

/// kTransposed, here and below: latent_value_f32, whose weights have a row for each output.
template <bool kTransposed>
__device__ Projection projection_of(const KernelCall& call, std::uint32_t head) {
  const auto& args = call.arguments<LatentProjectionArguments>();
  const std::uint32_t n_in = kTransposed ? args.rank : args.nope_dim;
  const std::uint32_t n_out = kTransposed ? args.value_dim : args.rank;
  const std::uint64_t x_stride = kTransposed ? std::uint64_t{args.n_heads} * args.rank : args.q_row_stride;
  const std::uint64_t x_head = kTransposed ? args.rank : args.q_head_stride;
  const std::uint64_t row = std::uint64_t{head} * (args.nope_dim + args.value_dim) + (kTransposed ? args.nope_dim : 0);
  return {args.n_rows,
          n_in,
          n_out,
          call.binding<const float>(0) + head * x_head,
          x_stride,
          call.binding<float>(1) + std::uint64_t{head} * n_out,
          std::uint64_t{args.n_heads} * n_out,
          reinterpret_cast<const std::byte*>(args.kv_b) + row * args.rank * element_bytes(args.format),
          args.rank};
}

// Grid: (pieces of kOutputs outputs, heads, blocks that share the rows).
template <MatrixFormat kFormat, bool kTransposed, int kRows, int kOutputs>
__global__ void __launch_bounds__(kProjectionThreads) project_tiles(const __grid_constant__ KernelCall call) {
  const Projection product = projection_of<kTransposed>(call, blockIdx.y);
  ProjectionTile<kFormat, kTransposed, kRows, kOutputs> tile(product, blockIdx.x * kOutputs);
  tile.load_weights();
  for (std::uint32_t row = blockIdx.z * kRows; row < product.n_rows; row += gridDim.z * kRows) tile.multiply_rows(row);
}

// Grid: (rows, heads). A thread has every kProjectionThreads-th output.
__global__ void __launch_bounds__(kProjectionThreads) query_plain(const __grid_constant__ KernelCall call) {
  const Projection product = projection_of<false>(call, blockIdx.y);
  const MatrixFormat format = call.arguments<LatentProjectionArguments>().format;
  const std::uint32_t bytes = element_bytes(format);
  const bool aligned = reinterpret_cast<std::uintptr_t>(product.weights) % bytes == 0;
  const float* x = product.x + blockIdx.x * product.x_stride;
  for (std::uint32_t output = threadIdx.x; output < product.n_out; output += kProjectionThreads) {
    const std::byte* weights = product.weights + std::uint64_t{output} * bytes;
    float sum = 0.0F;
    for (std::uint32_t i = 0; i < product.n_in; ++i) {
      sum = __fmaf_rn(x[i], load_element(weights, format, aligned), sum);
      weights += std::uint64_t{product.weight_stride} * bytes;
    }
    product.y[blockIdx.x * product.y_stride + output] = sum;
  }
}

// Grid: (rows, heads). A warp has every eighth output.
__global__ void __launch_bounds__(kProjectionThreads) value_plain(const __grid_constant__ KernelCall call) {
  const Projection product = projection_of<true>(call, blockIdx.y);
  const MatrixFormat format = call.arguments<LatentProjectionArguments>().format;
  const std::uint32_t bytes = element_bytes(format);
  const bool aligned = reinterpret_cast<std::uintptr_t>(product.weights) % bytes == 0;
  const float* x = product.x + blockIdx.x * product.x_stride;
  for (std::uint32_t output = warp_index(); output < product.n_out; output += kProjectionThreads / 32) {
    const std::byte* weights = product.weights + std::uint64_t{output} * product.weight_stride * bytes;
    float sum = 0.0F;
    for (std::uint32_t i = lane_index(); i < product.n_in; i += 32) {
      sum = __fmaf_rn(x[i], load_element(weights + std::uint64_t{i} * bytes, format, aligned), sum);
    }
    sum = warp_sum(sum);
    if (lane_index() == 0) product.y[blockIdx.x * product.y_stride + output] = sum;
  }
}

constexpr std::uint32_t pieces(std::uint32_t n, std::uint32_t piece) { return (n + piece - 1) / piece; }

template <MatrixFormat kFormat, bool kTransposed, int kRows, int kOutputs>
Launch launch_tiles(const LatentProjectionArguments& args, const GpuLimits& gpu) {
  const std::uint32_t n_tiles = pieces(kTransposed ? args.value_dim : args.rank, kOutputs) * args.n_heads;
  const std::uint32_t wanted = pieces(2 * gpu.n_multiprocessors, std::max(1U, n_tiles));
  return {.function = project_tiles<kFormat, kTransposed, kRows, kOutputs>,
          .grid = {n_tiles / std::max(1U, args.n_heads), args.n_heads, std::min(wanted, pieces(args.n_rows, kRows))},
          .n_threads = kProjectionThreads,
          .shared_bytes = ProjectionTile<kFormat, kTransposed, kRows, kOutputs>::shared_bytes(
              kTransposed ? args.rank : args.nope_dim)};
}

/// Few rows: small tiles, so that all multiprocessors read weights.
template <MatrixFormat kFormat, bool kTransposed>
Launch launch_on_tensor_cores(const LatentProjectionArguments& args, const GpuLimits& gpu) {
  const Launch many = launch_tiles<kFormat, kTransposed, 32, 128>(args, gpu);
  if (args.n_rows > 16 && many.shared_bytes <= gpu.max_shared_bytes) return many;
  return launch_tiles<kFormat, kTransposed, 16, 32>(args, gpu);
}

template <bool kTransposed>
Launch launch_projection(const std::byte* arguments, const GpuLimits& gpu) {
  const auto& args = *reinterpret_cast<const LatentProjectionArguments*>(arguments);
  if (args.format != MatrixFormat::kF32) {
    const Launch tiles = args.format == MatrixFormat::kF16
                             ? launch_on_tensor_cores<MatrixFormat::kF16, kTransposed>(args, gpu)
                             : launch_on_tensor_cores<MatrixFormat::kBf16, kTransposed>(args, gpu);
    if (tiles.shared_bytes <= gpu.max_shared_bytes) return tiles;
  }
  return {.function = kTransposed ? value_plain : query_plain,
          .grid = {args.n_rows, args.n_heads},
          .n_threads = kProjectionThreads};
}

constexpr std::array kKernels = {
    CudaKernel{"latent_query_f32", sizeof(LatentProjectionArguments), 2, launch_projection<false>},
    CudaKernel{"latent_value_f32", sizeof(LatentProjectionArguments), 2, launch_projection<true>},
};

}  // namespace

std::span<const CudaKernel> latent_projection_kernels() { return kKernels; }

}  // namespace marlin::cuda
