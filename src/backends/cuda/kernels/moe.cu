// SPDX-License-Identifier: Apache-2.0
// Experts (abi/moe.h): their inputs are gathered here, and launches of their products chosen. As with linear layers the
// variants differ in nothing but names: the rows that an expert has on average decide.
#include <array>

#include "abi/moe.h"
#include "backends/cuda/kernels/moe_kernels.h"
#include "backends/cuda/kernels/product_launch.h"
#include "backends/cuda/kernels/product_tiles.h"

namespace marlin::cuda {
namespace {

constexpr std::uint32_t kGatherThreads = 128;
constexpr std::uint32_t kGatherWarps = kGatherThreads / kWarpSize;
constexpr std::uint32_t kRowsForTiles = 48;  // of an expert on average

// Grid: (slots, warps for the chunks of gate and of up).
__global__ void __launch_bounds__(kGatherThreads) moe_gather(const __grid_constant__ KernelCall call) {
  const auto& args = call.arguments<abi::MoeArguments>();
  const std::uint32_t item = blockIdx.y * kGatherWarps + warp_index();
  const std::uint32_t chunk = item / 2;
  if (kChunk * chunk >= args.in_stride) return;
  const std::uint32_t position = blockIdx.x;
  const abi::Expert& expert =
      expert_table(args)[expert_at(call.binding<const std::int32_t>(1), args.n_experts, position)];
  const auto slot = static_cast<std::uint32_t>(call.binding<const std::int32_t>(2)[position]);
  const float* x = call.binding<const float>(0) + std::uint64_t{slot / args.slots_per_row} * args.hidden;
  const bool is_gate = item % 2 == 0;
  prepare_inputs(is_gate ? expert.gate : expert.up, x, chunk,
                 call.binding<float>(is_gate ? 3 : 4) + std::uint64_t{position} * args.in_stride);
}

Launch gather_launch(const std::byte* arguments, const GpuLimits& /*gpu*/) {
  const auto& args = as<abi::MoeArguments>(arguments);
  return {.function = moe_gather,
          .grid = {n_slots(args), ceil_div(2 * std::uint64_t{ceil_div(args.in_stride, kChunk)}, kGatherWarps)},
          .n_threads = kGatherThreads};
}

bool takes_tiles(const abi::MoeArguments& args, const GpuLimits& gpu) {
  return n_slots(args) > kRowsForTiles * args.n_experts && kTileSharedBytes <= gpu.max_shared_bytes;
}

Launch tiles_launch(KernelFunction function, const abi::MoeArguments& args, std::uint32_t n_blocks) {
  return {.function = function,
          .grid = {n_blocks, max_expert_tiles(args, kTileRows)},
          .n_threads = kTileThreads,
          .shared_bytes = kTileSharedBytes};
}

/// {a, b}: as abi::MoeArguments has them.
MoeKernels few_rows_kernels(const std::uint32_t (&encodings)[2]) {
  const auto format = static_cast<abi::MatrixFormat>(encodings[0] & 0xFFU);
  if (encodings[0] != encodings[1] || encodings[0] == abi::kAnyEncoding || format != abi::MatrixFormat::kExl3) {
    return moe_any_encoding();
  }
  const std::uint32_t bits = encodings[0] >> 8U & 0xFFU;
  switch (static_cast<abi::TrellisCodebook>(encodings[0] >> 16U & 0xFFU)) {
    case abi::TrellisCodebook::k3Inst:
      return moe_3inst(bits);
    case abi::TrellisCodebook::kMcg:
      return moe_mcg(bits);
    default:
      return moe_mul1(bits);
  }
}

Launch gate_up_launch(const std::byte* arguments, const GpuLimits& gpu) {
  const auto& args = as<abi::MoeArguments>(arguments);
  const std::uint32_t n_blocks = ceil_div(args.inner_stride, kChunk);
  if (takes_tiles(args, gpu)) return tiles_launch(moe_gate_up_tiles, args, n_blocks);
  const std::uint32_t n_tiles = max_expert_tiles(args, kFewRows);
  const MoeKernels kernels = few_rows_kernels(args.gate_up_encodings);
  const std::uint32_t n_parts =
      parts_for(gate_up_layout(args, 1), std::uint64_t{n_blocks} * n_tiles, kernels.n_resident, gpu);
  return few_rows_launch(kernels.gate_up, gate_up_layout(args, n_parts), n_blocks, n_tiles);
}

Launch down_launch(const std::byte* arguments, const GpuLimits& gpu) {
  const auto& args = as<abi::MoeArguments>(arguments);
  const std::uint32_t n_blocks = ceil_div(args.hidden, kChunk);
  if (takes_tiles(args, gpu)) return tiles_launch(moe_down_tiles, args, n_blocks);
  const std::uint32_t n_tiles = max_expert_tiles(args, kFewRows);
  const MoeKernels kernels = few_rows_kernels(args.down_encodings);
  const std::uint32_t n_parts =
      parts_for(down_layout(args, 1), std::uint64_t{n_blocks} * n_tiles, kernels.n_resident, gpu);
  return few_rows_launch(kernels.down, down_layout(args, n_parts), n_blocks, n_tiles);
}

constexpr CudaKernel gate_up(std::string_view name) { return {name, sizeof(abi::MoeArguments), 5, gate_up_launch}; }

constexpr CudaKernel down(std::string_view name) { return {name, sizeof(abi::MoeArguments), 4, down_launch}; }

constexpr std::array kKernels = {
    CudaKernel{"moe_gather_f32", sizeof(abi::MoeArguments), 5, gather_launch},
    gate_up("moe_gate_up_decode_f32"),
    gate_up("moe_gate_up_prefill4_f32"),
    gate_up("moe_gate_up_base_f32"),
    gate_up("moe_gate_up_large_batch_f32"),
    down("moe_down_decode_f32"),
    down("moe_down_prefill4_f32"),
    down("moe_down_base_f32"),
    down("moe_down_large_batch_f32"),
};

}  // namespace

std::span<const CudaKernel> moe_kernels() { return kKernels; }

}  // namespace marlin::cuda
