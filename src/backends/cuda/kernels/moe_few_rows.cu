// SPDX-License-Identifier: Apache-2.0
// Experts with few rows each: decode and serving (abi/moe.h). A thread block takes up to 32 rows of an expert through a
// block of 128 outputs or a part of it (few_rows_block.h); for gate and up half of its warps have one matrix each.
#include "backends/cuda/kernels/moe_kernels.h"

namespace marlin::cuda {
namespace {

/// Sums of the part, up to add_strips().
__device__ void multiply_part(const abi::Matrix& matrix, const InputRows& x, std::uint32_t block,
                              const ProductShare& share, float4* sums, float4* strips) {
  if (!is_exl3(matrix)) return multiply_plain_part(matrix, x, block, share, sums);
  with_codebook(matrix.codebook, [&]<abi::TrellisCodebook kCodebook>() {
    with_bits(matrix.bits,
              [&]<std::uint32_t kBits>() { multiply_strips<kBits, kCodebook>(matrix, x, block, share, sums, strips); });
  });
}

/// The whole product, for all warps; `matrix` is this warp's. Whether this block has the sums of all 128 outputs.
__device__ bool multiply_few_rows(const KernelCall& call, const FewRowsLayout& layout, const abi::Matrix& matrix,
                                  std::uint32_t index, const InputRows& x) {
  const ProductShare share = layout.share(blockIdx.x, uniform_warp_index());
  float4* sums = shared_sums(layout, index);
  float4* strips = shared_strips(layout, index);
  multiply_part(matrix, x, blockIdx.y, share, sums, strips);
  __syncthreads();
  if (share.n_shares() > 1) {
    if (is_exl3(matrix)) add_strips(matrix, x, share, sums, strips);
    __syncthreads();
  }
  return has_all_parts(call, layout, blockIdx.z * gridDim.y + blockIdx.y, x.n);
}

}  // namespace

__global__ void __launch_bounds__(kFewRowsThreads, 2) moe_gate_up_few_rows(const __grid_constant__ KernelCall call) {
  const auto& args = call.arguments<abi::MoeArguments>();
  const ExpertRows rows =
      expert_tile<kFewRows>(args, call.binding<const std::int32_t>(2), call.binding<const std::int32_t>(3), blockIdx.z);
  const std::uint32_t block = blockIdx.y;
  if (rows.n_positions == 0 || kChunk * block >= rows.expert->down.stored_in) return;
  const FewRowsLayout layout = gate_up_layout(args, gridDim.x);
  const std::uint32_t index = warp_index() / (kFewRowsWarps / 2);
  const abi::Matrix& matrix = index == 0 ? rows.expert->gate : rows.expert->up;
  const InputRows x = expert_inputs(call.binding<const float>(index), args.in_stride, rows);
  if (!multiply_few_rows(call, layout, matrix, index, x)) return;
  float* inner = call.binding<float>(4) + std::uint64_t{rows.first_position} * args.inner_stride;
  for (std::uint32_t row = warp_index(); row < rows.n_positions; row += kFewRowsWarps) {
    const float4 gate = finished_outputs(rows.expert->gate, row_sums(shared_sums(layout, 0), row), block);
    const float4 up = finished_outputs(rows.expert->up, row_sums(shared_sums(layout, 1), row), block);
    write_inner(rows.expert->down, gate, up, block, inner + std::uint64_t{row} * args.inner_stride);
  }
}

__global__ void __launch_bounds__(kFewRowsThreads, 2) moe_down_few_rows(const __grid_constant__ KernelCall call) {
  const auto& args = call.arguments<abi::MoeArguments>();
  const ExpertRows rows =
      expert_tile<kFewRows>(args, call.binding<const std::int32_t>(1), call.binding<const std::int32_t>(2), blockIdx.z);
  if (rows.n_positions == 0) return;
  const FewRowsLayout layout = down_layout(args, gridDim.x);
  const abi::Matrix& down = rows.expert->down;
  const InputRows x = expert_inputs(call.binding<const float>(0), args.inner_stride, rows);
  if (!multiply_few_rows(call, layout, down, 0, x)) return;
  for (std::uint32_t row = warp_index(); row < rows.n_positions; row += kFewRowsWarps) {
    write_row(call.binding<float>(3) + std::uint64_t{rows.first_position + row} * args.hidden, args.hidden, blockIdx.y,
              finished_outputs(down, row_sums(shared_sums(layout, 0), row), blockIdx.y));
  }
}

}  // namespace marlin::cuda
