// SPDX-License-Identifier: Apache-2.0
// Linear layers with EXL3 matrices and few rows (abi/matmul.h): a kernel for each encoding, and where these are. Those
// of a codebook are a file of their own, because they take the compiler a while.
#pragma once

#include <cstdint>

#include "abi/matmul.h"
#include "backends/cuda/kernels/few_rows_block.h"
#include "backends/cuda/kernels/product_launch.h"

namespace marlin::cuda {

/// matmul_few_rows<bits, codebook>.
KernelFunction matmul_3inst(std::uint32_t bits);
KernelFunction matmul_mcg(std::uint32_t bits);
KernelFunction matmul_mul1(std::uint32_t bits);

MARLIN_HOST_DEVICE inline FewRowsLayout matmul_layout(const abi::MatmulArguments& args, std::uint32_t n_parts) {
  return {1, args.matrix.stored_in / kChunk, row_groups(args.n_rows < kFewRows ? args.n_rows : kFewRows), n_parts};
}

/// Rows `first` .. + n_most - 1 of x, as far as there are.
__device__ inline InputRows matmul_rows(const KernelCall& call, std::uint32_t first, std::uint32_t n_most) {
  const auto& args = call.arguments<abi::MatmulArguments>();
  return {call.binding<const float>(0) + std::uint64_t{first} * args.in_stride, args.in_stride,
          min(args.n_rows - first, n_most)};
}

/// Outputs 128 block + 4 lane .. + 3 of a row, from their sums. For a whole warp.
__device__ inline void write_outputs(const KernelCall& call, std::uint32_t row, std::uint32_t block, float4 sums) {
  const auto& args = call.arguments<abi::MatmulArguments>();
  const std::uint32_t i = kChunk * block + 4 * lane_index();
  float* y = call.binding<float>(1) + std::uint64_t{row} * args.out_stride + i;
  const std::uint32_t n = n_valid4(i, args.matrix.n_out);
  const bool vectors = holds_vectors(y);
  float4 before = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
  if (args.accumulate != 0) before = load_floats4(y, vectors, n);
  float4 v = finished_outputs(args.matrix, sums, block);
  if (args.accumulate != 0) v = make_float4(before.x + v.x, before.y + v.y, before.z + v.z, before.w + v.w);
  store_floats4(y, v, vectors, n);
}

// Grid: (parts, blocks of outputs, tiles of 32 rows).
template <std::uint32_t kBits, abi::TrellisCodebook kCodebook>
__global__ void __launch_bounds__(kFewRowsThreads, few_rows_resident(kBits))
    matmul_few_rows(const __grid_constant__ KernelCall call) {
  const auto& args = call.arguments<abi::MatmulArguments>();
  const std::uint32_t block = blockIdx.y;
  const std::uint32_t first_row = kFewRows * blockIdx.z;
  const FewRowsLayout layout = matmul_layout(args, gridDim.x);
  const ProductShare share = layout.share(blockIdx.x, uniform_warp_index());
  const InputRows x = matmul_rows(call, first_row, kFewRows);
  float4* sums = shared_sums(layout, 0);
  multiply_strips<kBits, kCodebook>(args.matrix, x, block, share, sums, shared_strips(layout, 0));
  __syncthreads();
  if (share.n_shares() > 1) {
    add_strips(args.matrix, x, share, sums, shared_strips(layout, 0));
    __syncthreads();
  }
  if (!has_all_parts(call, layout, blockIdx.z * gridDim.y + block, x.n)) return;
  for (std::uint32_t row = warp_index(); row < x.n; row += kFewRowsWarps) {
    write_outputs(call, first_row + row, block, row_sums(sums, row));
  }
}

template <abi::TrellisCodebook kCodebook>
KernelFunction few_rows_function(std::uint32_t bits) {
  return with_bits(bits, [&]<std::uint32_t kBits>() -> KernelFunction { return matmul_few_rows<kBits, kCodebook>; });
}

}  // namespace marlin::cuda
