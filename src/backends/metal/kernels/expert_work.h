// SPDX-License-Identifier: Apache-2.0
// MSL only. Which expert, and which of its rows, a threadgroup works on: found in the routing, by the number of the
// threadgroup or a place in the sorted slots.
#pragma once

#include <metal_stdlib>

#include "abi/moe.h"

namespace marlin {

METAL_FUNC const device abi::Expert* expert_table(constant abi::MoeArguments& arguments) {
  return reinterpret_cast<const device abi::Expert*>(arguments.experts);
}

/// The expert to which a place in the sorted slots belongs: the last one whose offset is not above it.
METAL_FUNC uint expert_at(const device int* offsets, uint n_experts, uint position) {
  uint low = 0;
  uint high = n_experts;  // its offset is above
  while (high - low > 1) {
    const uint middle = (low + high) / 2;
    if (uint(offsets[middle]) <= position) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

/// What a threadgroup works on: rows first_position .. + n_positions of the sorted slots, a block of 128 outputs.
struct ExpertWork {
  const device abi::Expert* expert;
  uint block;
  uint first_position;
  uint n_positions;  // 0: nothing to do
};

/// Of the cases without tiles of rows: item = (expert that may have work, block).
METAL_FUNC ExpertWork expert_work(constant abi::MoeArguments& arguments, uint item, uint width,
                                  const device int* offsets, const device int* active) {
  const uint n_blocks = (width + 127) / 128;
  const uint candidate = item / n_blocks;
  ExpertWork work = {expert_table(arguments), item % n_blocks, 0, 0};
  uint index = arguments.first_expert + candidate;
  if (arguments.n_selected == arguments.n_experts) {  // then only the active ones are looked at
    if (candidate >= uint(active[0])) return work;
    index = uint(active[1 + candidate]);
  }
  work.expert += index;
  work.first_position = uint(offsets[index]);
  work.n_positions = uint(offsets[index + 1]) - work.first_position;
  return work;
}

/// item = (tile of kRows rows of one expert, block): finds the expert, 32 at a time. For whole simdgroups.
template <uint kRows>
METAL_FUNC ExpertWork expert_tile_work(constant abi::MoeArguments& arguments, uint item, uint width,
                                       const device int* offsets, const device int* active, uint lane) {
  const uint n_blocks = (width + 127) / 128;
  uint tile = item / n_blocks;
  ExpertWork work = {expert_table(arguments), item % n_blocks, 0, 0};
  const bool all = arguments.n_selected == arguments.n_experts;
  const uint n_candidates = all ? uint(active[0]) : arguments.n_selected;
  for (uint base = 0; base < n_candidates; base += 32) {
    uint index = arguments.first_expert + base + lane;
    uint first = 0;
    uint n = 0;
    if (base + lane < n_candidates) {
      if (all) index = uint(active[1 + base + lane]);
      first = uint(offsets[index]);
      n = uint(offsets[index + 1]) - first;
    }
    const uint n_tiles = (n + kRows - 1) / kRows;
    const uint tiles_before = metal::simd_prefix_exclusive_sum(n_tiles);
    const uint owner = metal::simd_min(tile >= tiles_before && tile < tiles_before + n_tiles ? lane : 32u);
    if (owner < 32) {
      const uint skipped = (tile - metal::simd_shuffle(tiles_before, ushort(owner))) * kRows;
      work.expert += metal::simd_shuffle(index, ushort(owner));
      work.first_position = metal::simd_shuffle(first, ushort(owner)) + skipped;
      work.n_positions = metal::min(kRows, metal::simd_shuffle(n, ushort(owner)) - skipped);
      return work;
    }
    tile -= metal::simd_shuffle(tiles_before + n_tiles, ushort(31));
  }
  return work;
}

/// base: all rows of an expert, a tile of 32 after the other. large_batch: one tile of 128.
template <int kRows>
METAL_FUNC ExpertWork tiled_work(constant abi::MoeArguments& arguments, uint item, uint width,
                                 const device int* offsets, const device int* active, uint lane) {
  if (kRows == 128) return expert_tile_work<128>(arguments, item, width, offsets, active, lane);
  return expert_work(arguments, item, width, offsets, active);
}

}  // namespace marlin
