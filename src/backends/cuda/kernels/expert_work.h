// SPDX-License-Identifier: Apache-2.0
// Which expert, and which of its rows, a thread block works on: found in the routing, by the number of the block or a
// place in the sorted slots.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "abi/moe.h"
#include "backends/cuda/kernels/kernel_call.h"
#include "backends/cuda/kernels/reduce.h"

namespace marlin::cuda {

__device__ inline const abi::Expert* expert_table(const abi::MoeArguments& args) {
  return reinterpret_cast<const abi::Expert*>(args.experts);
}

MARLIN_HOST_DEVICE inline std::uint32_t n_slots(const abi::MoeArguments& args) {
  return args.n_rows * args.slots_per_row;
}

MARLIN_HOST_DEVICE inline bool takes_all_experts(const abi::MoeArguments& args) {
  return args.n_selected == args.n_experts;
}

/// Experts that may have slots, at most.
MARLIN_HOST_DEVICE inline std::uint32_t n_candidates(const abi::MoeArguments& args) {
  return takes_all_experts(args) && n_slots(args) < args.n_selected ? n_slots(args) : args.n_selected;
}

/// Tiles of n_tile_rows rows that the experts' rows can make, at most.
MARLIN_HOST_DEVICE inline std::uint32_t max_expert_tiles(const abi::MoeArguments& args, std::uint32_t n_tile_rows) {
  return n_slots(args) <= n_tile_rows ? n_candidates(args) : n_candidates(args) + n_slots(args) / n_tile_rows;
}

/// The expert to which a place in the sorted slots belongs. For a whole warp.
__device__ inline std::uint32_t expert_at(const std::int32_t* offsets, std::uint32_t n_experts,
                                          std::uint32_t position) {
  std::uint32_t n_before = 0;  // experts that end before it
  for (std::uint32_t base = 0; base < n_experts; base += kWarpSize) {
    const std::uint32_t i = base + lane_index();
    const bool ends_before = i < n_experts && static_cast<std::uint32_t>(offsets[i + 1]) <= position;
    n_before += static_cast<std::uint32_t>(__popc(__ballot_sync(kAllLanes, ends_before)));
  }
  return min(n_before, n_experts - 1);
}

/// Rows first_position .. + n_positions of the sorted slots, of one expert.
struct ExpertRows {
  const abi::Expert* expert;
  std::uint32_t first_position;
  std::uint32_t n_positions;  // 0: nothing to do
};

/// The expert number `candidate` of those that may have slots, with all its rows; none behind the last one.
struct ExpertChoice {
  std::uint32_t index;
  std::uint32_t first;
  std::uint32_t n;
};

__device__ inline ExpertChoice expert_choice(const abi::MoeArguments& args, const std::int32_t* offsets,
                                             const std::int32_t* active, std::uint32_t candidate) {
  const bool all = takes_all_experts(args);  // then only the active ones are looked at
  if (candidate >= (all ? static_cast<std::uint32_t>(active[0]) : args.n_selected)) return {0, 0, 0};
  const std::uint32_t index = all ? static_cast<std::uint32_t>(active[1 + candidate]) : args.first_expert + candidate;
  const auto first = static_cast<std::uint32_t>(offsets[index]);
  return {index, first, static_cast<std::uint32_t>(offsets[index + 1]) - first};
}

/// Tile number `tile`, of up to kTile rows of one expert. For a whole warp.
template <std::uint32_t kTile>
__device__ inline ExpertRows expert_tile(const abi::MoeArguments& args, const std::int32_t* offsets,
                                         const std::int32_t* active, std::uint32_t tile) {
  const abi::Expert* experts = expert_table(args);
  if (n_slots(args) <= kTile) {  // one tile each
    const ExpertChoice choice = expert_choice(args, offsets, active, tile);
    return {experts + choice.index, choice.first, choice.n};
  }
  for (std::uint32_t base = 0; base < n_candidates(args); base += kWarpSize) {
    const ExpertChoice choice = expert_choice(args, offsets, active, base + lane_index());
    const std::uint32_t n_tiles = (choice.n + kTile - 1) / kTile;
    const std::uint32_t before = warp_sum_before(n_tiles);
    const std::uint32_t owners = __ballot_sync(kAllLanes, tile >= before && tile < before + n_tiles);
    if (owners != 0) {
      const int owner = __ffs(static_cast<int>(owners)) - 1;
      const std::uint32_t skipped = (tile - __shfl_sync(kAllLanes, before, owner)) * kTile;
      return {experts + __shfl_sync(kAllLanes, choice.index, owner),
              __shfl_sync(kAllLanes, choice.first, owner) + skipped,
              min(kTile, __shfl_sync(kAllLanes, choice.n, owner) - skipped)};
    }
    tile -= __shfl_sync(kAllLanes, before + n_tiles, kWarpSize - 1);
  }
  return {experts, 0, 0};
}

}  // namespace marlin::cuda
