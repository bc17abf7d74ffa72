// SPDX-License-Identifier: Apache-2.0
// router_f32: which experts serve a row; see abi/moe.h. Nothing is chosen one after the other: an expert's place is the
// number of experts that come before it in the order (falling choice, rising index), and each thread counts for its
// own. A choice that is NaN has none before it, so it is always among the chosen, and the row is refused.
#include <cuda_runtime.h>

#include <algorithm>
#include <array>

#include "abi/moe.h"
#include "backends/cuda/kernels/expert_sort.h"
#include "backends/cuda/kernels/failure.h"
#include "backends/cuda/kernels/launch.h"
#include "backends/cuda/kernels/reduce.h"
#include "backends/cuda/kernels/shared_memory.h"
#include "base/check.h"

namespace marlin::cuda {
namespace {

constexpr std::uint32_t kMaxThreads = 256;
constexpr std::uint32_t kNanBits = 0x7FC00000U;

__host__ __device__ constexpr std::uint32_t padded(std::uint32_t n) { return (n + 3) / 4 * 4; }

/// Dynamic shared memory of a block.
struct RouterMemory {
  float* choices;       // [n_routed], -infinity behind to a multiple of 4
  float* scores;        // [n_routed]
  float* chosen;        // [top_k] scores, best first
  float* group_scores;  // [n_groups]

  static constexpr std::uint64_t n_floats(const abi::RouterArguments& args) {
    return std::uint64_t{padded(args.n_routed)} + args.n_routed + args.top_k + args.n_groups;
  }

  __device__ explicit RouterMemory(const abi::RouterArguments& args)
      : choices(dynamic_shared<float>()),
        scores(choices + padded(args.n_routed)),
        chosen(scores + args.n_routed),
        group_scores(chosen + args.top_k) {}
};

/// Whether `a`, at index i, comes before `b`, at index j.
__device__ bool precedes(float a, std::uint32_t i, float b, std::uint32_t j) { return i < j ? a >= b : a > b; }

/// A thread writes the scores of the experts i, i + blockDim.x, ...; no barrier follows.
__device__ void score_experts(const abi::RouterArguments& arguments, const float* logits, float* scores) {
  __shared__ float maxima[kMaxWarps];
  __shared__ float sums[kMaxWarps];
  const std::uint32_t n = arguments.n_routed;
  if (arguments.scoring == abi::RouterScoring::kSigmoid) {
    for (std::uint32_t i = threadIdx.x; i < n; i += blockDim.x) scores[i] = 1.0F / (1.0F + expf(-logits[i]));
    return;
  }
  const float lowest = -INFINITY;
  float maximum = lowest;
  for (std::uint32_t i = threadIdx.x; i < n; i += blockDim.x) maximum = Max{}(maximum, logits[i]);
  maximum = block_reduce(maximum, lowest, maxima, Max{});
  float sum = 0.0F;
  for (std::uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
    scores[i] = expf(logits[i] - maximum);
    sum += scores[i];
  }
  sum = block_sum(sum, sums);
  for (std::uint32_t i = threadIdx.x; i < n; i += blockDim.x) scores[i] /= sum;
}

/// The sum of a group's two best choices, or its best if it has one only; infinite if it has none, and NaN if one is.
__device__ float group_score(const float* choices, std::uint32_t group_size) {
  float first = -INFINITY;
  float second = -INFINITY;
  bool has_nan = false;
  for (std::uint32_t i = 0; i < group_size; ++i) {
    const float choice = choices[i];
    has_nan = has_nan || choice != choice;
    if (choice > first) {
      second = first;
      first = choice;
    } else if (choice > second) {
      second = choice;
    }
  }
  if (has_nan) return __uint_as_float(kNanBits);
  if (first == -INFINITY) return INFINITY;
  return group_size > 1 ? first + second : first;
}

/// Excludes all experts but those of the top_k_groups groups of the best scores. Begins and ends with a barrier.
__device__ void keep_best_groups(const abi::RouterArguments& arguments, const RouterMemory& memory) {
  const std::uint32_t n_groups = arguments.n_groups;
  const std::uint32_t group_size = arguments.n_routed / n_groups;
  __syncthreads();
  for (std::uint32_t group = threadIdx.x; group < n_groups; group += blockDim.x) {
    memory.group_scores[group] = group_score(memory.choices + group * group_size, group_size);
  }
  __syncthreads();
  for (std::uint32_t i = threadIdx.x; i < arguments.n_routed; i += blockDim.x) {
    const std::uint32_t group = i / group_size;
    std::uint32_t place = 0;
    for (std::uint32_t other = 0; other < n_groups; ++other) {
      place += precedes(memory.group_scores[other], other, memory.group_scores[group], group) ? 1 : 0;
    }
    if (place >= arguments.top_k_groups) memory.choices[i] = -INFINITY;
  }
  __syncthreads();
}

/// How many experts come before the i-th.
__device__ std::uint32_t place_of(const float* choices, std::uint32_t n, std::uint32_t i) {
  const float choice = choices[i];
  std::uint32_t place = 0;
  for (std::uint32_t j = 0; j < n; j += 4) {
    const float4 others = *reinterpret_cast<const float4*>(choices + j);
    place += precedes(others.x, j, choice, i) ? 1 : 0;
    place += precedes(others.y, j + 1, choice, i) ? 1 : 0;
    place += precedes(others.z, j + 2, choice, i) ? 1 : 0;
    place += precedes(others.w, j + 3, choice, i) ? 1 : 0;
  }
  return place;
}

// Grid: a block per row.
__global__ void __launch_bounds__(kMaxThreads) router_f32(const __grid_constant__ KernelCall call) {
  __shared__ bool refused;
  const auto& arguments = call.arguments<abi::RouterArguments>();
  const RouterMemory memory(arguments);
  const std::uint32_t n = arguments.n_routed;
  const std::uint32_t row = blockIdx.x;
  const auto* bias = reinterpret_cast<const float*>(arguments.correction_bias);
  std::int32_t* ids = call.binding<std::int32_t>(1) + std::uint64_t{row} * arguments.slots_per_row;
  float* weights = call.binding<float>(2) + std::uint64_t{row} * arguments.slots_per_row;

  score_experts(arguments, call.binding<const float>(0) + std::uint64_t{row} * n, memory.scores);
  for (std::uint32_t i = threadIdx.x; i < padded(n); i += blockDim.x) {
    memory.choices[i] = i < n ? memory.scores[i] + (bias == nullptr ? 0.0F : bias[i]) : -INFINITY;
  }
  if (threadIdx.x == 0) refused = false;
  if (arguments.n_groups > 1) {
    keep_best_groups(arguments, memory);
  } else {
    __syncthreads();
  }

  for (std::uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
    const std::uint32_t place = place_of(memory.choices, n, i);
    if (place >= arguments.top_k) continue;
    ids[place] = static_cast<std::int32_t>(i);
    memory.chosen[place] = memory.scores[i];
    if (!is_finite_bits(memory.choices[i])) refused = true;
  }
  __syncthreads();

  for (std::uint32_t k = threadIdx.x; k < arguments.top_k; k += blockDim.x) {
    float sum = 0.0F;
    for (std::uint32_t j = 0; j < arguments.top_k; ++j) sum += memory.chosen[j];
    const float factor = arguments.scaling / (arguments.normalize != 0 ? sum + 1e-20F : 1.0F);
    if (refused) ids[k] = static_cast<std::int32_t>(k);  // experts that exist, for what runs before the failure is seen
    weights[k] = refused ? __uint_as_float(kNanBits) : memory.chosen[k] * factor;
  }
  if (threadIdx.x != 0) return;
  if (refused) report_failure(call.failure, abi::KernelFailureCode::kNotFiniteScores, row);
  if (arguments.slots_per_row > arguments.top_k) {  // the shared expert follows the routed ones in the table
    ids[arguments.top_k] = static_cast<std::int32_t>(n);
    weights[arguments.top_k] = 1.0F;
  }
}

Launch launch_router(const std::byte* arguments, const GpuLimits& gpu) {
  const auto& args = as<abi::RouterArguments>(arguments);
  const std::uint64_t shared_bytes = RouterMemory::n_floats(args) * sizeof(float);
  MARLIN_CHECK(shared_bytes <= gpu.max_shared_bytes);
  const std::uint32_t n_threads = std::min(ceil_div(args.n_routed, kWarpSize) * kWarpSize, kMaxThreads);
  return {router_f32, {args.n_rows}, n_threads, static_cast<std::uint32_t>(shared_bytes)};
}

}  // namespace

std::span<const CudaKernel> router_kernels() {
  static constexpr std::array kKernels = {
      CudaKernel{"expert_sort_i32", sizeof(abi::ExpertSortArguments), 5, launch_expert_sort},
      CudaKernel{"moe_combine_f32", sizeof(abi::MoeCombineArguments), 4, launch_moe_combine},
      CudaKernel{"router_f32", sizeof(abi::RouterArguments), 3, launch_router, true},
  };
  return kKernels;
}

}  // namespace marlin::cuda
