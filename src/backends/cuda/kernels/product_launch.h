// SPDX-License-Identifier: Apache-2.0
// Host side of the products: how a launch is fitted to the GPU. Everything here decides on speed alone; a row has the
// same bits however it is launched.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backends/cuda/kernel.h"
#include "backends/cuda/kernels/few_rows_block.h"

namespace marlin::cuda {

using KernelFunction = void (*)(KernelCall);

constexpr std::uint32_t ceil_div(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint32_t>((a + b - 1) / b);
}

template <typename Arguments>
const Arguments& as(const std::byte* arguments) {
  return *reinterpret_cast<const Arguments*>(arguments);
}

/// At least what kernels of few rows have in static shared memory.
inline constexpr std::uint32_t kStaticSharedBytes = 1024;

/// Parts that n_items blocks of outputs are cut into: as many as keep all thread blocks on the GPU at the same time, so
/// many on each multiprocessor, if what they have in shared memory allows it.
inline std::uint32_t parts_for(FewRowsLayout layout, std::uint64_t n_items, std::uint32_t n_resident,
                               const GpuLimits& gpu) {
  std::uint32_t best = 1;
  for (std::uint32_t n_parts = 2; n_parts <= kColumns; n_parts *= 2) {
    layout.n_parts = n_parts;
    if (n_items * n_parts > std::uint64_t{n_resident} * gpu.n_multiprocessors) break;
    if (layout.shared_bytes() + kStaticSharedBytes <= gpu.max_shared_bytes) best = n_parts;
  }
  return best;
}

/// n_parts thread blocks for each of n_blocks x n_tiles.
inline Launch few_rows_launch(KernelFunction function, const FewRowsLayout& layout, std::uint32_t n_blocks,
                              std::uint32_t n_tiles) {
  Launch launch{.function = function,
                .grid = {layout.n_parts, n_blocks, n_tiles},
                .n_threads = kFewRowsThreads,
                .shared_bytes = static_cast<std::uint32_t>(layout.shared_bytes())};
  if (layout.n_parts > 1) {
    launch.n_counters = n_blocks * n_tiles;
    launch.scratch_bytes = std::uint64_t{launch.n_counters} * layout.n_matrices * layout.sums() * sizeof(float4);
  }
  return launch;
}

}  // namespace marlin::cuda
