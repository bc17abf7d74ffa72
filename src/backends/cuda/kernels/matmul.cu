// SPDX-License-Identifier: Apache-2.0
// Linear layers (abi/matmul.h): the input side of EXL3, products with plain matrices, and which kernel a call gets. The
// variants differ in nothing but names here: they all compute the same bits, so the number of rows decides.
#include <array>

#include "abi/matmul.h"
#include "backends/cuda/kernels/matmul_kernels.h"
#include "backends/cuda/kernels/product_tiles.h"

namespace marlin::cuda {
namespace {

constexpr std::uint32_t kTransformThreads = 128;
constexpr std::uint32_t kPlainThreads = 512;
constexpr std::uint32_t kPlainTilesX = 4;  // of outputs, side by side in a thread block of kPlainThreads

// Grid: a warp per chunk of a row.
__global__ void __launch_bounds__(kTransformThreads) exl3_transform(const __grid_constant__ KernelCall call) {
  const auto& args = call.arguments<abi::Exl3TransformArguments>();
  const std::uint32_t n_chunks = args.matrix.stored_in / kChunk;
  const std::uint64_t item = std::uint64_t{blockIdx.x} * (kTransformThreads / kWarpSize) + warp_index();
  const auto row = static_cast<std::uint32_t>(item / n_chunks);
  if (row >= args.n_rows) return;
  prepare_inputs(args.matrix, call.binding<const float>(0) + std::uint64_t{row} * args.in_stride,
                 static_cast<std::uint32_t>(item % n_chunks),
                 call.binding<float>(1) + std::uint64_t{row} * args.matrix.stored_in);
}

__device__ void write_plain_output(const KernelCall& call, std::uint32_t row, std::uint32_t output, float sum) {
  const auto& args = call.arguments<abi::MatmulArguments>();
  const auto* bias = reinterpret_cast<const float*>(args.matrix.bias);
  float* y = call.binding<float>(1) + std::uint64_t{row} * args.out_stride + output;
  const float v = bias != nullptr ? sum + bias[output] : sum;
  *y = args.accumulate != 0 ? *y + v : v;
}

// Grid: (warps for the outputs, one each).
__global__ void __launch_bounds__(kTransformThreads) matmul_plain_row(const __grid_constant__ KernelCall call) {
  const auto& args = call.arguments<abi::MatmulArguments>();
  const std::uint32_t output = blockIdx.x * (kTransformThreads / kWarpSize) + warp_index();
  if (output >= args.matrix.n_out) return;
  multiply_plain<1, 1>(args.matrix, matmul_rows(call, 0, 1), 0, output,
                       [&](std::uint32_t row, std::uint32_t o, float sum) { write_plain_output(call, row, o, sum); });
}

// Grid: (tiles of 16 outputs, tiles of 32 rows): a warp has 4 x 8, and neighbours meet in the cache.
__global__ void __launch_bounds__(kPlainThreads) matmul_plain_tiles(const __grid_constant__ KernelCall call) {
  const auto& args = call.arguments<abi::MatmulArguments>();
  const std::uint32_t output = 4 * (blockIdx.x * kPlainTilesX + warp_index() % kPlainTilesX);
  const std::uint32_t row = kFewRows * blockIdx.y + 8 * (warp_index() / kPlainTilesX);
  if (output >= args.matrix.n_out || row >= args.n_rows) return;
  multiply_plain<4, 8>(args.matrix, matmul_rows(call, 0, args.n_rows), row, output,
                       [&](std::uint32_t r, std::uint32_t o, float sum) { write_plain_output(call, r, o, sum); });
}

// Grid: (blocks of outputs, tiles of 128 rows).
__global__ void __launch_bounds__(kTileThreads, 2) matmul_tiles(const __grid_constant__ KernelCall call) {
  const auto& args = call.arguments<abi::MatmulArguments>();
  const std::uint32_t first_row = kTileRows * blockIdx.y;
  const InputRows x = matmul_rows(call, first_row, kTileRows);
  multiply_tile(args.matrix, x, blockIdx.x);
  for (std::uint32_t row = warp_index(); row < x.n; row += kTileThreads / kWarpSize) {
    write_outputs(call, first_row + row, blockIdx.x, row_sums(dynamic_shared<float4>(), row));
  }
}

Launch transform_launch(const std::byte* arguments, const GpuLimits& /*gpu*/) {
  const auto& args = as<abi::Exl3TransformArguments>(arguments);
  const std::uint64_t n_chunks = std::uint64_t{args.n_rows} * (args.matrix.stored_in / kChunk);
  return {.function = exl3_transform,
          .grid = {ceil_div(n_chunks, kTransformThreads / kWarpSize)},
          .n_threads = kTransformThreads};
}

Launch plain_launch(const abi::MatmulArguments& args) {
  if (args.n_rows == 1) {
    return {.function = matmul_plain_row,
            .grid = {ceil_div(args.matrix.n_out, kTransformThreads / kWarpSize)},
            .n_threads = kTransformThreads};
  }
  return {.function = matmul_plain_tiles,
          .grid = {ceil_div(args.matrix.n_out, 4 * kPlainTilesX), ceil_div(args.n_rows, kFewRows)},
          .n_threads = kPlainThreads};
}

/// Decoding costs a strip 5 multiplications with 32 rows, and twice that where a multiprocessor has only one thread
/// block: so much more may be decoded by many blocks of few rows before the others are quicker.
bool takes_tiles(std::uint32_t n_blocks, std::uint32_t n_rows, const GpuLimits& gpu) {
  const std::uint64_t n_few = std::uint64_t{n_blocks} * ceil_div(n_rows, kFewRows);
  const std::uint64_t n_waves = ceil_div(std::uint64_t{n_blocks} * ceil_div(n_rows, kTileRows), gpu.n_multiprocessors);
  return n_rows > kFewRows && 2 * n_few > 5 * n_waves * gpu.n_multiprocessors &&
         kTileSharedBytes <= gpu.max_shared_bytes;
}

KernelFunction few_rows_function_for(const abi::Matrix& matrix) {
  switch (matrix.codebook) {
    case abi::TrellisCodebook::k3Inst:
      return matmul_3inst(matrix.bits);
    case abi::TrellisCodebook::kMcg:
      return matmul_mcg(matrix.bits);
    default:
      return matmul_mul1(matrix.bits);
  }
}

Launch matmul_launch(const std::byte* arguments, const GpuLimits& gpu) {
  const auto& args = as<abi::MatmulArguments>(arguments);
  if (!is_exl3(args.matrix)) return plain_launch(args);
  const std::uint32_t n_blocks = ceil_div(args.matrix.n_out, kChunk);
  if (takes_tiles(n_blocks, args.n_rows, gpu)) {
    return {.function = matmul_tiles,
            .grid = {n_blocks, ceil_div(args.n_rows, kTileRows)},
            .n_threads = kTileThreads,
            .shared_bytes = kTileSharedBytes};
  }
  const std::uint32_t n_tiles = ceil_div(args.n_rows, kFewRows);
  const std::uint32_t n_parts = parts_for(matmul_layout(args, 1), std::uint64_t{n_blocks} * n_tiles,
 few_rows_resident(args.matrix.bits), gpu);
  return few_rows_launch(few_rows_function_for(args.matrix), matmul_layout(args, n_parts), n_blocks, n_tiles);
}

constexpr CudaKernel matmul(std::string_view name) { return {name, sizeof(abi::MatmulArguments), 2, matmul_launch}; }

constexpr std::array kKernels = {
    CudaKernel{"exl3_transform_f32", sizeof(abi::Exl3TransformArguments), 2, transform_launch},
    matmul("matmul_decode_f32"),
    matmul("matmul_prefill4_f32"),
    matmul("matmul_base_f32"),
    matmul("matmul_large_batch_f32"),
};

}  // namespace

std::span<const CudaKernel> matmul_kernels() { return kKernels; }

}  // namespace marlin::cuda
