// SPDX-License-Identifier: Apache-2.0
// Experts with few rows each: decode and serving (abi/moe.h). A thread block takes up to 32 rows of an expert through a
// block of 128 outputs or a part of it (few_rows_block.h); for gate and up half of its warps have one matrix each.
//
// A kernel for each encoding that a whole table may have, which moe_<codebook>.cu make, and one for tables of several.
#pragma once

#include "backends/cuda/kernels/moe_kernels.h"

namespace marlin::cuda {

/// Matrices of one encoding.
template <std::uint32_t kBits, abi::TrellisCodebook kCodebook>
struct OneEncoding {
  static constexpr std::uint32_t kResident = few_rows_resident(kBits);

  /// Sums of the part, up to add_strips().
  __device__ static void multiply_part(const abi::Matrix& matrix, const InputRows& x, std::uint32_t block,
                                       const ProductShare& share, float4* sums, float4* strips) {
    multiply_strips<kBits, kCodebook>(matrix, x, block, share, sums, strips);
  }
};

/// Matrices of any, plain ones too.
struct AnyEncoding {
  static constexpr std::uint32_t kResident = 2;

  __device__ static void multiply_part(const abi::Matrix& matrix, const InputRows& x, std::uint32_t block,
                                       const ProductShare& share, float4* sums, float4* strips) {
    if (!is_exl3(matrix)) return multiply_plain_part(matrix, x, block, share, sums);
    with_codebook(matrix.codebook, [&]<abi::TrellisCodebook kCodebook>() {
      with_bits(matrix.bits, [&]<std::uint32_t kBits>() {
        multiply_strips<kBits, kCodebook>(matrix, x, block, share, sums, strips);
      });
    });
  }
};

/// What the block works on, in shared memory: registers are for the products. Ends with a barrier.
__device__ inline const ExpertRows& block_rows(const KernelCall& call, std::uint32_t first_routing) {
  __shared__ ExpertRows rows;
  if (warp_index() == 0) {
    const ExpertRows found =
        expert_tile<kFewRows>(call.arguments<abi::MoeArguments>(), call.binding<const std::int32_t>(first_routing),
                              call.binding<const std::int32_t>(first_routing + 1), blockIdx.z);
    if (lane_index() == 0) rows = found;
  }
  __syncthreads();
  return rows;
}

/// A warp's matrix, with its inputs and its sums in shared memory.
struct WarpProduct {
  const abi::Matrix& matrix;
  InputRows x;
  std::uint32_t index;  // of the layout's matrices
};

/// The sums of the block's part, for all warps.
template <typename Encoding, typename Choose>
__device__ inline void multiply_few_rows(const FewRowsLayout& layout, Choose&& choose) {
  const ProductShare share = layout.share(blockIdx.x, uniform_warp_index());
  {
    const WarpProduct product = choose();
    Encoding::multiply_part(product.matrix, product.x, blockIdx.y, share, shared_sums(layout, product.index),
                            shared_strips(layout, product.index));
  }
  __syncthreads();
  if (share.n_shares() == 1) return;
  const WarpProduct product = choose();  // once more, instead of keeping it in registers
  if (is_exl3(product.matrix)) {
    add_strips(product.matrix, product.x, share, shared_sums(layout, product.index),
               shared_strips(layout, product.index));
  }
  __syncthreads();
}

// Grid: (parts, blocks of 128 outputs, tiles of 32 rows of an expert).
template <typename Encoding>
__global__ void __launch_bounds__(kFewRowsThreads, Encoding::kResident)
    gate_up_few_rows(const __grid_constant__ KernelCall call) {
  const auto& args = call.arguments<abi::MoeArguments>();
  const ExpertRows& rows = block_rows(call, 2);
  const std::uint32_t block = blockIdx.y;
  if (rows.n_positions == 0 || kChunk * block >= rows.expert->down.stored_in) return;
  const FewRowsLayout layout = gate_up_layout(args, gridDim.x);
  multiply_few_rows<Encoding>(layout, [&]() -> WarpProduct {
    const std::uint32_t index = uniform_warp_index() / (kFewRowsWarps / 2);
    return {index == 0 ? rows.expert->gate : rows.expert->up,
            expert_inputs(call.binding<const float>(index), args.in_stride, rows), index};
  });
  if (!has_all_parts(call, layout, blockIdx.z * gridDim.y + block, rows.n_positions)) return;
  float* inner = call.binding<float>(4) + std::uint64_t{rows.first_position} * args.inner_stride;
  for (std::uint32_t row = warp_index(); row < rows.n_positions; row += kFewRowsWarps) {
    const float4 gate = finished_outputs(rows.expert->gate, row_sums(shared_sums(layout, 0), row), block);
    const float4 up = finished_outputs(rows.expert->up, row_sums(shared_sums(layout, 1), row), block);
    write_inner(rows.expert->down, gate, up, block, inner + std::uint64_t{row} * args.inner_stride);
  }
}

// Grid: (parts, blocks of 128 outputs, tiles of 32 rows of an expert).
template <typename Encoding>
__global__ void __launch_bounds__(kFewRowsThreads, Encoding::kResident)
    down_few_rows(const __grid_constant__ KernelCall call) {
  const auto& args = call.arguments<abi::MoeArguments>();
  const ExpertRows& rows = block_rows(call, 1);
  const std::uint32_t block = blockIdx.y;
  if (rows.n_positions == 0) return;
  const FewRowsLayout layout = down_layout(args, gridDim.x);
  multiply_few_rows<Encoding>(layout, [&]() -> WarpProduct {
    return {rows.expert->down, expert_inputs(call.binding<const float>(0), args.inner_stride, rows), 0};
  });
  if (!has_all_parts(call, layout, blockIdx.z * gridDim.y + block, rows.n_positions)) return;
  float* out = call.binding<float>(3) + std::uint64_t{rows.first_position} * args.hidden;
  for (std::uint32_t row = warp_index(); row < rows.n_positions; row += kFewRowsWarps) {
    write_row(out + std::uint64_t{row} * args.hidden, args.hidden, block,
              finished_outputs(rows.expert->down, row_sums(shared_sums(layout, 0), row), block));
  }
}

/// The two kernels for tables of one encoding.
template <abi::TrellisCodebook kCodebook>
MoeKernels moe_few_rows_functions(std::uint32_t bits) {
  return with_bits(bits, [&]<std::uint32_t kBits>() -> MoeKernels {
    return {gate_up_few_rows<OneEncoding<kBits, kCodebook>>, down_few_rows<OneEncoding<kBits, kCodebook>>,
            few_rows_resident(kBits)};
  });
}

}  // namespace marlin::cuda
