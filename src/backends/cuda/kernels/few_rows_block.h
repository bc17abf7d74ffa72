// SPDX-License-Identifier: Apache-2.0
// How thread blocks share a product of few rows (product_few_rows.h). One block can take a whole block of 128 outputs;
// where there are too few of these to fill the GPU, 2, 4 or 8 take a part of the tile columns each (gridDim.x of them),
// leave their sums in scratch, and the last one to come finishes the outputs, which needs all 128.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "backends/cuda/kernels/kernel_call.h"
#include "backends/cuda/kernels/product_few_rows.h"
#include "backends/cuda/kernels/shared_memory.h"

namespace marlin::cuda {

inline constexpr std::uint32_t kFewRowsThreads = 256;
/// Thread blocks of a multiprocessor, as far as registers decide.
MARLIN_HOST_DEVICE constexpr std::uint32_t few_rows_resident(std::uint32_t bits) { return bits == 4 ? 3 : 2; }

inline constexpr std::uint32_t kFewRowsWarps = kFewRowsThreads / kWarpSize;

/// warp_index() such that the compiler knows it to be the same in all lanes.
__device__ inline std::uint32_t uniform_warp_index() { return __shfl_sync(kAllLanes, warp_index(), 0); }

/// Sizes that host and device agree on.
struct FewRowsLayout {
  std::uint32_t n_matrices;  // 1 or 2 at the same time, each with as many warps
  std::uint32_t n_chunks;    // of inputs, at most
  std::uint32_t n_groups;    // of 8 rows, at most
  std::uint32_t n_parts;     // of a block of outputs

  [[nodiscard]] MARLIN_HOST_DEVICE ProductShare share(std::uint32_t part, std::uint32_t warp) const {
    const std::uint32_t n_warps = kFewRowsWarps / n_matrices;
    return {warp % n_warps, n_warps, part * (kColumns / n_parts), kColumns / n_parts};
  }
  [[nodiscard]] MARLIN_HOST_DEVICE std::uint64_t strip_bytes() const {
    return share(0, 0).strip_bytes(n_chunks, n_groups);
  }
  /// Sums of a matrix; of all of them also what a block of outputs takes in scratch.
  [[nodiscard]] MARLIN_HOST_DEVICE std::uint32_t sums() const { return n_groups * kFragmentSums; }

  [[nodiscard]] MARLIN_HOST_DEVICE std::uint64_t shared_bytes() const {
    return n_matrices * (sums() * sizeof(float4) + strip_bytes());
  }
};

/// The same, of dynamic shared memory: sums of all matrices, then their strips.
__device__ inline float4* shared_sums(const FewRowsLayout& layout, std::uint32_t matrix) {
  return dynamic_shared<float4>() + matrix * layout.sums();
}

__device__ inline float4* shared_strips(const FewRowsLayout& layout, std::uint32_t matrix) {
  return shared_sums(layout, layout.n_matrices) + matrix * (layout.strip_bytes() / sizeof(float4));
}

/// Whether this block is the last of its parts; then it has all their sums. `item` counts the blocks of outputs of the
/// launch. Between two barriers.
__device__ inline bool has_all_parts(const KernelCall& call, const FewRowsLayout& layout, std::uint32_t item,
                                     std::uint32_t n_rows) {
  if (layout.n_parts == 1) return true;
  __shared__ bool is_last;
  const std::uint32_t n_fragments = layout.n_matrices * row_groups(n_rows);
  float4* sums = dynamic_shared<float4>();
  float4* scratch = reinterpret_cast<float4*>(call.scratch) + std::size_t{item} * layout.n_matrices * layout.sums();
  const auto index = [&](std::uint32_t fragment) {
    return fragment / row_groups(n_rows) * layout.sums() + fragment % row_groups(n_rows) * kFragmentSums;
  };
  const ProductShare share = layout.share(blockIdx.x, 0);
  const std::uint32_t n_own = share.n_columns * kWarpSize;
  for (std::uint32_t i = threadIdx.x; i < n_fragments * n_own; i += blockDim.x) {
    const std::uint32_t at = index(i / n_own) + share.first_column * kWarpSize + i % n_own;
    scratch[at] = sums[at];
  }
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) is_last = atomicAdd(call.counters + item, 1U) == layout.n_parts - 1;
  __syncthreads();
  if (!is_last) return false;
  __threadfence();
  for (std::uint32_t i = threadIdx.x; i < n_fragments * kFragmentSums; i += blockDim.x) {
    const std::uint32_t at = index(i / kFragmentSums) + i % kFragmentSums;
    sums[at] = __ldcg(scratch + at);
  }
  if (threadIdx.x == 0) call.counters[item] = 0;
  __syncthreads();
  return true;
}

}  // namespace marlin::cuda
