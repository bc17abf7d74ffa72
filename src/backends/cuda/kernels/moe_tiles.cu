// SPDX-License-Identifier: Apache-2.0
// Experts with many rows each: prompts (abi/moe.h). A thread block takes up to 128 rows of an expert through a block of
// 128 outputs (product_tiles.h). Of gate and up it finishes gate first and leaves it where it will put `inner`.
#include "backends/cuda/kernels/moe_kernels.h"
#include "backends/cuda/kernels/product_tiles.h"

namespace marlin::cuda {
namespace {

constexpr std::uint32_t kWarps = kTileThreads / kWarpSize;

/// Calls finish(row, its 4 outputs of this lane) for all rows, by whole warps; a row's warp depends on the row alone.
/// Ends with a barrier.
template <typename Finish>
__device__ void multiply_and_finish(const abi::Matrix& matrix, const InputRows& x, std::uint32_t block,
                                    Finish&& finish) {
  float4* sums = dynamic_shared<float4>();
  if (is_exl3(matrix)) {
    multiply_tile(matrix, x, block);
  } else {
    multiply_plain_part(matrix, x, block, {warp_index(), kWarps, 0, kColumns}, sums);
    __syncthreads();
  }
  for (std::uint32_t row = warp_index(); row < x.n; row += kWarps) {
    finish(row, finished_outputs(matrix, row_sums(sums, row), block));
  }
  __syncthreads();
}

}  // namespace

__global__ void __launch_bounds__(kTileThreads, 2) moe_gate_up_tiles(const __grid_constant__ KernelCall call) {
  const auto& args = call.arguments<abi::MoeArguments>();
  const ExpertRows rows = expert_tile<kTileRows>(args, call.binding<const std::int32_t>(2),
                                                 call.binding<const std::int32_t>(3), blockIdx.y);
  const std::uint32_t block = blockIdx.x;
  if (rows.n_positions == 0 || kChunk * block >= rows.expert->down.stored_in) return;
  const abi::Expert& expert = *rows.expert;
  float* inner = call.binding<float>(4) + std::uint64_t{rows.first_position} * args.inner_stride;
  for (std::uint32_t index = 0; index < 2; ++index) {
    const abi::Matrix& matrix = index == 0 ? expert.gate : expert.up;
    const InputRows x = expert_inputs(call.binding<const float>(index), args.in_stride, rows);
    multiply_and_finish(matrix, x, block, [&](std::uint32_t row, float4 v) {
      float* out = inner + std::uint64_t{row} * args.inner_stride;
      if (index == 0) return write_row(out, expert.gate.n_out, block, v);
      const float* own = out + kChunk * block + 4 * lane_index();
      const std::uint32_t n = n_valid4(kChunk * block + 4 * lane_index(), expert.gate.n_out);
      write_inner(expert.down, load_floats4(own, holds_vectors(own), n), v, block, out);
    });
  }
}

__global__ void __launch_bounds__(kTileThreads, 2) moe_down_tiles(const __grid_constant__ KernelCall call) {
  const auto& args = call.arguments<abi::MoeArguments>();
  const ExpertRows rows = expert_tile<kTileRows>(args, call.binding<const std::int32_t>(1),
                                                 call.binding<const std::int32_t>(2), blockIdx.y);
  if (rows.n_positions == 0) return;
  const InputRows x = expert_inputs(call.binding<const float>(0), args.inner_stride, rows);
  float* out = call.binding<float>(3) + std::uint64_t{rows.first_position} * args.hidden;
  multiply_and_finish(rows.expert->down, x, blockIdx.x, [&](std::uint32_t row, float4 v) {
    write_row(out + std::uint64_t{row} * args.hidden, args.hidden, blockIdx.x, v);
  });
}

}  // namespace marlin::cuda
