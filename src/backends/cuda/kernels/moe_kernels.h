// SPDX-License-Identifier: Apache-2.0
// What the kernels of experts share (abi/moe.h), and where they are: moe_few_rows.h and moe_tiles.cu have them, moe.cu
// chooses.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "abi/moe.h"
#include "backends/cuda/kernels/expert_work.h"
#include "backends/cuda/kernels/few_rows_block.h"

namespace marlin::cuda {

/// Kernels of few rows (moe_few_rows.h).
struct MoeKernels {
  void (*gate_up)(KernelCall);
  void (*down)(KernelCall);
  std::uint32_t n_resident;  // thread blocks of a multiprocessor
};

/// For tables whose gate and up, or down, matrices all have that encoding.
MoeKernels moe_3inst(std::uint32_t bits);
MoeKernels moe_mcg(std::uint32_t bits);
MoeKernels moe_mul1(std::uint32_t bits);
/// For all others.
MoeKernels moe_any_encoding();

// Grid: (blocks of 128 outputs, tiles of 128 rows of an expert).
__global__ void moe_gate_up_tiles(const __grid_constant__ KernelCall call);
__global__ void moe_down_tiles(const __grid_constant__ KernelCall call);

MARLIN_HOST_DEVICE inline FewRowsLayout moe_layout(const abi::MoeArguments& args, std::uint32_t n_matrices,
                                                   std::uint32_t stride, std::uint32_t n_parts) {
  return {n_matrices, (stride + kChunk - 1) / kChunk, row_groups(n_slots(args) < kFewRows ? n_slots(args) : kFewRows),
          n_parts};
}

MARLIN_HOST_DEVICE inline FewRowsLayout gate_up_layout(const abi::MoeArguments& args, std::uint32_t n_parts) {
  return moe_layout(args, 2, args.in_stride, n_parts);
}

MARLIN_HOST_DEVICE inline FewRowsLayout down_layout(const abi::MoeArguments& args, std::uint32_t n_parts) {
  return moe_layout(args, 1, args.inner_stride, n_parts);
}

/// The rows of a tile, in a binding with `stride` floats for each slot.
__device__ inline InputRows expert_inputs(const float* all, std::uint32_t stride, const ExpertRows& rows) {
  return {all + std::uint64_t{rows.first_position} * stride, stride, rows.n_positions};
}

/// x / (1 + exp(-x)). Below -87 exp overflows: there silu is 0 to float precision of any product it can enter.
__device__ inline float silu(float x) { return x / (1.0F + expf(-fmaxf(x, -87.0F))); }

/// inner[128 block ..] of a row = what `down` wants of silu(gate) * up. For a whole warp.
__device__ inline void write_inner(const abi::Matrix& down, float4 gate, float4 up, std::uint32_t block, float* inner) {
  const float4 v = make_float4(silu(gate.x) * up.x, silu(gate.y) * up.y, silu(gate.z) * up.z, silu(gate.w) * up.w);
  store_inputs(down, v, block, inner);
}

/// out[128 block ..] of a row of n floats. For a whole warp.
__device__ inline void write_row(float* out, std::uint32_t n, std::uint32_t block, float4 v) {
  const std::uint32_t i = kChunk * block + 4 * lane_index();
  store_floats4(out + i, v, holds_vectors(out + i), n_valid4(i, n));
}

}  // namespace marlin::cuda
