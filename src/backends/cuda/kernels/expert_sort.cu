// SPDX-License-Identifier: Apache-2.0
// expert_sort_i32 and moe_combine_f32; see abi/moe.h.
//
// The sort is a stable counting sort. A block places a segment of the slots, one per thread. What it has to know of the
// others it counts by itself: reading all ids again costs less than the blocks' waiting for one another would.
#include <cuda_runtime.h>

#include "abi/moe.h"
#include "backends/cuda/kernels/expert_sort.h"
#include "backends/cuda/kernels/launch.h"
#include "backends/cuda/kernels/load.h"
#include "backends/cuda/kernels/reduce.h"
#include "backends/cuda/kernels/shared_memory.h"
#include "base/check.h"

namespace marlin::cuda {
namespace {

constexpr std::uint32_t kMaxSortThreads = 1024;
constexpr std::uint32_t kFewSortThreads = 256;
constexpr std::uint32_t kCombineThreads = 128;

/// Counters of a block, in dynamic shared memory; each array is as long as the table of experts.
struct SortCounters {
  std::uint32_t* before;    // slots before the segment
  std::uint32_t* rest;      // of and behind it
  std::uint32_t* of_warps;  // [warp][expert]: slots of each warp, then the place of its first

  static constexpr std::uint64_t bytes(std::uint32_t n_experts, std::uint32_t n_threads) {
    return std::uint64_t{n_experts} * (2 + n_threads / kWarpSize) * sizeof(std::uint32_t);
  }

  __device__ explicit SortCounters(std::uint32_t n_experts)
      : before(dynamic_shared<std::uint32_t>()), rest(before + n_experts), of_warps(rest + n_experts) {}
};

/// The expert of a slot; an id that cannot be is taken for the last expert, so that nothing is written out of bounds.
__device__ std::uint32_t expert_of(const std::int32_t* ids, std::uint32_t slot, std::uint32_t n_experts) {
  return Min{}(static_cast<std::uint32_t>(__ldg(ids + slot)), n_experts - 1);
}

/// The lanes that have the same key as this one; keys are at most `limit`.
__device__ std::uint32_t lanes_of_key(std::uint32_t key, std::uint32_t limit) {
  std::uint32_t lanes = kAllLanes;
  for (std::uint32_t bit = 0; limit >> bit != 0; ++bit) {
    const bool is_set = (key >> bit & 1U) != 0;
    const std::uint32_t set = __ballot_sync(kAllLanes, is_set);
    lanes &= is_set ? set : ~set;
  }
  return lanes;
}

/// Turns the counts of the warps into places; block 0 writes down what it finds on the way.
__device__ void place_experts(const SortCounters& counters, std::uint32_t n, std::int32_t* offsets,
                              std::int32_t* active) {
  __shared__ std::uint64_t partial[kMaxWarps];
  constexpr std::uint64_t kActive = std::uint64_t{1} << 32U;  // slots are counted below, experts that have some above
  const auto sum_of = [&](std::uint32_t expert) {
    const std::uint64_t n_slots = counters.before[expert] + counters.rest[expert];
    return n_slots > 0 ? n_slots + kActive : 0;
  };
  const std::uint32_t n_per_thread = (n + blockDim.x - 1) / blockDim.x;
  const std::uint32_t first = Min{}(n, threadIdx.x * n_per_thread);
  const std::uint32_t end = Min{}(n, first + n_per_thread);
  std::uint64_t sum = 0;
  for (std::uint32_t expert = first; expert < end; ++expert) sum += sum_of(expert);
  sum = block_sum_before(sum, partial);
  for (std::uint32_t expert = first; expert < end; ++expert) {
    const auto offset = static_cast<std::uint32_t>(sum);
    const auto n_active = static_cast<std::uint32_t>(sum >> 32U);
    const bool is_active = sum_of(expert) > 0;
    sum += sum_of(expert);
    std::uint32_t place = offset + counters.before[expert];
    for (std::uint32_t warp = 0; warp < blockDim.x / kWarpSize; ++warp) {
      std::uint32_t& counter = counters.of_warps[warp * n + expert];
      const std::uint32_t n_slots = counter;
      counter = place;
      place += n_slots;
    }
    if (blockIdx.x != 0) continue;
    offsets[expert] = static_cast<std::int32_t>(offset);
    if (is_active) active[1 + n_active] = static_cast<std::int32_t>(expert);
    if (expert + 1 < n) continue;
    offsets[n] = static_cast<std::int32_t>(sum);
    active[0] = static_cast<std::int32_t>(sum >> 32U);
  }
}

// Grid: segments of n_threads slots, at least one.
__global__ void __launch_bounds__(kMaxSortThreads) expert_sort_i32(const __grid_constant__ KernelCall call) {
  const auto& arguments = call.arguments<abi::ExpertSortArguments>();
  const std::uint32_t n_slots = arguments.n_slots;
  const std::uint32_t n = arguments.n_experts;
  const auto* ids = call.binding<const std::int32_t>(0);
  const SortCounters counters(n);
  const std::uint32_t n_counters = n * (2 + blockDim.x / kWarpSize);
  for (std::uint32_t i = threadIdx.x; i < n_counters; i += blockDim.x) counters.before[i] = 0;
  __syncthreads();

  const std::uint32_t segment = blockIdx.x * blockDim.x;
#pragma unroll 4
  for (std::uint32_t slot = threadIdx.x; slot < n_slots; slot += blockDim.x) {
    atomicAdd((slot < segment ? counters.before : counters.rest) + expert_of(ids, slot, n), 1U);
  }
  const std::uint32_t slot = segment + threadIdx.x;
  const std::uint32_t expert = slot < n_slots ? expert_of(ids, slot, n) : n;
  const std::uint32_t equals = lanes_of_key(expert, n);
  const std::uint32_t equals_before = __popc(equals & ((1U << lane_index()) - 1));
  std::uint32_t* of_warp = counters.of_warps + warp_index() * n;
  if (expert < n && equals_before == 0) of_warp[expert] = __popc(equals);
  __syncthreads();

  place_experts(counters, n, call.binding<std::int32_t>(1), call.binding<std::int32_t>(2));
  __syncthreads();
  if (expert == n) return;
  const std::uint32_t place = of_warp[expert] + equals_before;
  call.binding<std::int32_t>(3)[place] = static_cast<std::int32_t>(slot);
  call.binding<std::int32_t>(4)[slot] = static_cast<std::int32_t>(place);
}

/// Four columns of a row, from the i-th on: x and the slots of the row, in their order.
template <bool kWhole>
__device__ void combine_four(const KernelCall& call, const abi::MoeCombineArguments& arguments, std::uint32_t i) {
  const std::uint32_t hidden = arguments.hidden;
  const auto* expert_out = call.binding<const float>(0);
  const std::uint64_t first_slot = std::uint64_t{blockIdx.x} * arguments.slots_per_row;
  const float* weights = call.binding<const float>(1) + first_slot;
  const std::int32_t* slot_position = call.binding<const std::int32_t>(2) + first_slot;
  float* x = call.binding<float>(3) + std::uint64_t{blockIdx.x} * hidden;
  float4 sum = load_row4<kWhole>(x, i, hidden);
#pragma unroll 4
  for (std::uint32_t k = 0; k < arguments.slots_per_row; ++k) {
    const float weight = __ldg(weights + k);
    const auto position = static_cast<std::uint32_t>(__ldg(slot_position + k));
    const float4 y = load_row4<kWhole>(expert_out + std::uint64_t{position} * hidden, i, hidden);
    sum.x = __fmaf_rn(weight, y.x, sum.x);
    sum.y = __fmaf_rn(weight, y.y, sum.y);
    sum.z = __fmaf_rn(weight, y.z, sum.z);
    sum.w = __fmaf_rn(weight, y.w, sum.w);
  }
  store_row4<kWhole>(x, sum, i, hidden);
}

// Grid: (rows, pieces of four columns per thread).
__global__ void __launch_bounds__(kCombineThreads) moe_combine_f32(const __grid_constant__ KernelCall call) {
  const auto& arguments = call.arguments<abi::MoeCombineArguments>();
  const std::uint32_t i = 4 * (blockIdx.y * kCombineThreads + threadIdx.x);
  if (i >= arguments.hidden) return;
  if (arguments.hidden % 4 == 0 && holds_vectors(call.binding<float>(0)) && holds_vectors(call.binding<float>(3))) {
    combine_four<true>(call, arguments, i);
  } else {
    combine_four<false>(call, arguments, i);
  }
}

}  // namespace

Launch launch_expert_sort(const std::byte* arguments, const GpuLimits& gpu) {
  const auto& args = as<abi::ExpertSortArguments>(arguments);
  std::uint32_t n_threads = args.n_slots <= kFewSortThreads ? kFewSortThreads : kMaxSortThreads;
  while (n_threads > kWarpSize && SortCounters::bytes(args.n_experts, n_threads) > gpu.max_shared_bytes) n_threads /= 2;
  const std::uint64_t shared_bytes = SortCounters::bytes(args.n_experts, n_threads);
  MARLIN_CHECK(args.n_experts > 0 && shared_bytes <= gpu.max_shared_bytes);
  const std::uint32_t n_segments = args.n_slots == 0 ? 1 : ceil_div(args.n_slots, n_threads);
  return {expert_sort_i32, {n_segments}, n_threads, static_cast<std::uint32_t>(shared_bytes)};
}

Launch launch_moe_combine(const std::byte* arguments, const GpuLimits& /*gpu*/) {
  const auto& args = as<abi::MoeCombineArguments>(arguments);
  return {moe_combine_f32, {args.n_rows, ceil_div(args.hidden, 4 * kCombineThreads)}, kCombineThreads};
}

}  // namespace marlin::cuda
