// SPDX-License-Identifier: Apache-2.0
// The experts of a layer, all of them in one launch per phase (abi/moe.h). What a threadgroup works on follows from its
// number and the routing, which is in device memory: there are enough of them for any routing, and those without work end
// at once.
#include <metal_stdlib>

#include "abi/moe.h"
#include "backends/metal/kernels/product.h"

using namespace metal;
using namespace marlin;

// abi::MoeArguments::gate_up_encodings for the kernels of gate and up, down_encodings for those of down.
constant uint kFirstEncoding [[function_constant(0)]];
constant uint kSecondEncoding [[function_constant(1)]];

// ---- expert_sort_i32

constant uint kSortCounters = 7168;  // 28 KiB: [segment of the slots][expert of a window]

/// The expert of a slot; an id that cannot be is taken for the last expert, so that nothing is written out of bounds.
static uint expert_of(const device int* ids, uint slot, uint n_experts) { return min(uint(ids[slot]), n_experts - 1); }

/// For each lane with a key below `limit`: how many lanes before it and in all have the same one. For a whole simdgroup.
static uint2 count_equal(uint key, uint limit, uint lane) {
  uint before = 0;
  uint all = 0;
  for (uint k = 0; k < 32; ++k) {
    const bool is_equal = simd_shuffle(key, ushort(k)) == key && key < limit;
    before += is_equal && k < lane ? 1 : 0;
    all += is_equal ? 1 : 0;
  }
  return uint2(before, all);
}

// Sum over the threads before this one, and in `total` over all. Two barriers; `sums` is 32 long.
static uint sum_before(uint value, threadgroup uint* sums, uint lane, uint simdgroup, uint n_simdgroups,
                       thread uint* total) {
  const uint before = simd_prefix_exclusive_sum(value);
  if (lane == 31) sums[simdgroup] = before + value;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  uint others = 0;
  *total = 0;
  for (uint s = 0; s < n_simdgroups; ++s) {
    others += s < simdgroup ? sums[s] : 0;
    *total += sums[s];
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  return others + before;
}

// A stable counting sort. The slots are cut into as many segments as there are simdgroups with room for counters; each
// simdgroup counts its segment, the counts become places, and each walks its segment again. Experts beyond the counters
// are sorted in further windows of the table. Grid: one threadgroup.
kernel void expert_sort_i32(constant abi::ExpertSortArguments& arguments [[buffer(0)]],
                            const device int* ids [[buffer(1)]], device int* offsets [[buffer(2)]],
                            device int* active [[buffer(3)]], device int* sorted_slots [[buffer(4)]],
                            device int* slot_position [[buffer(5)]], uint index [[thread_index_in_threadgroup]],
                            uint2 threads [[threads_per_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                            uint simdgroup [[simdgroup_index_in_threadgroup]],
                            uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup uint counts[kSortCounters];
  threadgroup uint sums[kMaxSimdgroups];
  const uint n_threads = threads.x;
  const uint n_slots = arguments.n_slots;
  const uint window = min(arguments.n_experts, kSortCounters);
  const uint n_segments = clamp(kSortCounters / max(window, 1u), 1u, n_simdgroups);
  const uint segment_slots = ((n_slots + n_segments - 1) / n_segments + 31) / 32 * 32;
  const uint begin = min(n_slots, simdgroup * segment_slots);
  const uint end = simdgroup < n_segments ? min(n_slots, begin + segment_slots) : begin;
  threadgroup uint* segment_counts = counts + (simdgroup < n_segments ? simdgroup : 0) * window;
  uint n_before = 0;  // slots and active experts of earlier windows
  uint n_active = 0;
  for (uint first = 0; first < arguments.n_experts; first += window) {
    const uint n = min(window, arguments.n_experts - first);
    for (uint i = index; i < n_segments * window; i += n_threads) counts[i] = 0;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint base = begin; base < end; base += 32) {
      const uint key = base + lane < end ? expert_of(ids, base + lane, arguments.n_experts) - first : n;
      const uint2 equal = count_equal(key, n, lane);
      if (key < n && equal.x == 0) segment_counts[key] += equal.y;
      simdgroup_barrier(mem_flags::mem_threadgroup);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint base = 0; base < n; base += n_threads) {
      const uint expert = base + index;
      uint count = 0;
      if (expert < n) {
        for (uint s = 0; s < n_segments; ++s) count += counts[s * window + expert];
      }
      uint slots_here = 0;
      uint active_here = 0;
      uint place = n_before + sum_before(count, sums, lane, simdgroup, n_simdgroups, &slots_here);
      const uint active_place =
          n_active + sum_before(count > 0 ? 1 : 0, sums, lane, simdgroup, n_simdgroups, &active_here);
      if (expert < n) {
        offsets[first + expert] = int(place);
        if (count > 0) active[1 + active_place] = int(first + expert);
        for (uint s = 0; s < n_segments; ++s) {
          const uint here = counts[s * window + expert];
          counts[s * window + expert] = place;
          place += here;
        }
      }
      n_before += slots_here;
      n_active += active_here;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint base = begin; base < end; base += 32) {
      const uint slot = base + lane;
      const uint key = slot < end ? expert_of(ids, slot, arguments.n_experts) - first : n;
      const uint2 equal = count_equal(key, n, lane);
      const uint place = key < n ? segment_counts[key] + equal.x : 0;
      if (key < n) {
        sorted_slots[place] = int(slot);
        slot_position[slot] = int(place);
      }
      simdgroup_barrier(mem_flags::mem_threadgroup);
      if (key < n && equal.x == 0) segment_counts[key] = place + equal.y;
      simdgroup_barrier(mem_flags::mem_threadgroup);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (index == 0) {
    offsets[arguments.n_experts] = int(n_before);
    active[0] = int(n_active);
  }
}

// ---- moe_gather_f32

static const device abi::Expert* expert_table(constant abi::MoeArguments& arguments) {
  return reinterpret_cast<const device abi::Expert*>(arguments.experts);
}

/// The expert to which a place in the sorted slots belongs: the last one whose offset is not above it.
static uint expert_at(const device int* offsets, uint n_experts, uint position) {
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

// Grid: (simdgroups for the 128-blocks of in_stride, slots).
kernel void moe_gather_f32(constant abi::MoeArguments& arguments [[buffer(0)]], const device float* x [[buffer(1)]],
                           const device int* offsets [[buffer(2)]], const device int* sorted_slots [[buffer(3)]],
                           device float* gate_in [[buffer(4)]], device float* up_in [[buffer(5)]],
                           uint2 group [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]],
                           uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  const uint block = group.x * n_simdgroups + simdgroup;
  if (128 * block >= arguments.in_stride) return;
  const uint position = group.y;
  const device abi::Expert* expert = expert_table(arguments) + expert_at(offsets, arguments.n_experts, position);
  const device float* row = x + ulong(uint(sorted_slots[position]) / arguments.slots_per_row) * arguments.hidden;
  const ulong out = ulong(position) * arguments.in_stride;
  prepare_inputs(weights_of(&expert->gate), row, block, gate_in + out, lane);
  prepare_inputs(weights_of(&expert->up), row, block, up_in + out, lane);
}

// ---- moe_gate_up_<variant>_f32 and moe_down_<variant>_f32

constant uint kDecodeSimdgroups = 16;  // at most, by the limit of the decode kernels

/// What a threadgroup works on: rows first_position .. + n_positions of the sorted slots, a block of 128 outputs.
struct ExpertWork {
  const device abi::Expert* expert;
  uint block;
  uint first_position;
  uint n_positions;  // 0: nothing to do
};

/// Of the cases without tiles of rows: item = (expert that may have work, block).
static ExpertWork expert_work(constant abi::MoeArguments& arguments, uint item, uint width, const device int* offsets,
                              const device int* active) {
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
static ExpertWork expert_tile_work(constant abi::MoeArguments& arguments, uint item, uint width,
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
    const uint tiles_before = simd_prefix_exclusive_sum(n_tiles);
    const uint owner = simd_min(tile >= tiles_before && tile < tiles_before + n_tiles ? lane : 32u);
    if (owner < 32) {
      const uint skipped = (tile - simd_shuffle(tiles_before, ushort(owner))) * kRows;
      work.expert += simd_shuffle(index, ushort(owner));
      work.first_position = simd_shuffle(first, ushort(owner)) + skipped;
      work.n_positions = min(kRows, simd_shuffle(n, ushort(owner)) - skipped);
      return work;
    }
    tile -= simd_shuffle(tiles_before + n_tiles, ushort(31));
  }
  return work;
}

/// x / (1 + exp(-x)). Below -87 exp overflows: there silu is 0 to float precision of any product it can enter.
static float silu(float x) { return precise::divide(x, 1.0f + precise::exp(-max(x, -87.0f))); }

/// inner[128 block ..] of a row = what `down` wants of silu(gate) * up. For a whole simdgroup.
static void write_inner(Weights down, float4 gate, float4 up, uint block, device float* inner, uint lane) {
  for (uint r = 0; r < 4; ++r) gate[r] = silu(gate[r]) * up[r];
  const uint first = 128 * block;
  if (is_exl3(down)) {
    transform_inputs128(gate, down.input_scale + 2 * first, down.input_scale_aligned, inner + first, lane);
  } else {
    for (uint r = 0; r < 4; ++r) {
      if (first + lane + 32 * r < down.n_in) inner[first + lane + 32 * r] = gate[r];
    }
  }
}

/// out[128 block ..] of a row of `hidden`.
static void write_expert_out(Weights down, const threadgroup float* sums, uint block, uint hidden, device float* out,
                             uint lane) {
  const float4 v = finished_outputs(down, sums, block, lane);
  for (uint r = 0; r < 4; ++r) {
    const uint i = 128 * block + lane + 32 * r;
    if (i < hidden) out[i] = v[r];
  }
}

// Grid: items of expert_work().
[[max_total_threads_per_threadgroup(512)]] kernel void moe_gate_up_decode_f32(constant abi::MoeArguments& arguments [[buffer(0)]],
                                   const device float* gate_in [[buffer(1)]], const device float* up_in [[buffer(2)]],
                                   const device int* offsets [[buffer(3)]], const device int* active [[buffer(4)]],
                                   device float* inner [[buffer(5)]], uint group [[threadgroup_position_in_grid]],
                                   uint thread_index [[thread_index_in_threadgroup]],
                                   uint2 n_threads [[threads_per_threadgroup]],
                                   uint lane [[thread_index_in_simdgroup]],
                                   uint simdgroup [[simdgroup_index_in_threadgroup]],
                                   uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float sums[2 * kDecodeSimdgroups * 128];
  threadgroup float* up_sums = sums + 128 * n_simdgroups;
  const ThreadPlace t = {thread_index, n_threads.x, lane, simdgroup, n_simdgroups};
  const Encodings e = {kFirstEncoding, kSecondEncoding};
  const ExpertWork work = expert_work(arguments, group, arguments.inner_stride, offsets, active);
  if (work.n_positions == 0 || 128 * work.block >= work.expert->down.stored_in) return;
  const Weights gate = weights_of(&work.expert->gate);
  const Weights up = weights_of(&work.expert->up);
  for (uint i = 0; i < work.n_positions; ++i) {
    const ulong position = work.first_position + i;
    multiply_row_of(gate, e, gate_in + position * arguments.in_stride, work.block, sums, t);
    multiply_row_of(up, e, up_in + position * arguments.in_stride, work.block, up_sums, t);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    add_row_shares(gate, sums, t);
    add_row_shares(up, up_sums, t);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (simdgroup == 0) {
      const float4 gate_out = finished_outputs(gate, sums, work.block, lane);
      const float4 up_out = finished_outputs(up, up_sums, work.block, lane);
      write_inner(weights_of(&work.expert->down), gate_out, up_out, work.block,
                  inner + position * arguments.inner_stride, lane);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}

// Grid: items of expert_work().
[[max_total_threads_per_threadgroup(512)]] kernel void moe_down_decode_f32(constant abi::MoeArguments& arguments [[buffer(0)]],
                                const device float* inner [[buffer(1)]], const device int* offsets [[buffer(2)]],
                                const device int* active [[buffer(3)]], device float* expert_out [[buffer(4)]],
                                uint group [[threadgroup_position_in_grid]],
                                uint thread_index [[thread_index_in_threadgroup]],
                                uint2 n_threads [[threads_per_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                                uint simdgroup [[simdgroup_index_in_threadgroup]],
                                uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float sums[kDecodeSimdgroups * 128];
  const ThreadPlace t = {thread_index, n_threads.x, lane, simdgroup, n_simdgroups};
  const Encodings e = {kFirstEncoding, kSecondEncoding};
  const ExpertWork work = expert_work(arguments, group, arguments.hidden, offsets, active);
  if (work.n_positions == 0) return;
  const Weights down = weights_of(&work.expert->down);
  for (uint i = 0; i < work.n_positions; ++i) {
    const ulong position = work.first_position + i;
    multiply_row_of(down, e, inner + position * arguments.inner_stride, work.block, sums, t);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    add_row_shares(down, sums, t);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (simdgroup == 0) {
      write_expert_out(down, sums, work.block, arguments.hidden, expert_out + position * arguments.hidden, lane);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}

// Grid: items of expert_work().
kernel void moe_gate_up_prefill4_f32(constant abi::MoeArguments& arguments [[buffer(0)]],
                                     const device float* gate_in [[buffer(1)]],
                                     const device float* up_in [[buffer(2)]], const device int* offsets [[buffer(3)]],
                                     const device int* active [[buffer(4)]], device float* inner [[buffer(5)]],
                                     uint group [[threadgroup_position_in_grid]],
                                     uint thread_index [[thread_index_in_threadgroup]],
                                     uint2 n_threads [[threads_per_threadgroup]],
                                     uint lane [[thread_index_in_simdgroup]],
                                     uint simdgroup [[simdgroup_index_in_threadgroup]],
                                     uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float gate_sums[(1 + kMaxShares) * kFewRowsSums];
  threadgroup float* up_sums = gate_sums + kFewRowsSums;  // over the gate's second share, which is added up by then
  const ThreadPlace t = {thread_index, n_threads.x, lane, simdgroup, n_simdgroups};
  const Encodings e = {kFirstEncoding, kSecondEncoding};
  const ExpertWork work = expert_work(arguments, group, arguments.inner_stride, offsets, active);
  if (work.n_positions == 0 || 128 * work.block >= work.expert->down.stored_in) return;
  const Weights gate = weights_of(&work.expert->gate);
  const Weights up = weights_of(&work.expert->up);
  for (uint i = 0; i < work.n_positions; i += kFewRows) {
    const uint n_rows = min(kFewRows, work.n_positions - i);
    const ulong position = work.first_position + i;
    const ulong in = position * arguments.in_stride;
    multiply_few_rows_of(gate, e, gate_in + in, arguments.in_stride, n_rows, work.block, gate_sums, t);
    multiply_few_rows_of(up, e, up_in + in, arguments.in_stride, n_rows, work.block, up_sums, t);
    for (uint row = simdgroup; row < n_rows; row += n_simdgroups) {
      const float4 gate_out = finished_outputs(gate, gate_sums + 128 * row, work.block, lane);
      const float4 up_out = finished_outputs(up, up_sums + 128 * row, work.block, lane);
      write_inner(weights_of(&work.expert->down), gate_out, up_out, work.block,
                  inner + (position + row) * arguments.inner_stride, lane);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}

// Grid: items of expert_work().
kernel void moe_down_prefill4_f32(constant abi::MoeArguments& arguments [[buffer(0)]],
                                  const device float* inner [[buffer(1)]], const device int* offsets [[buffer(2)]],
                                  const device int* active [[buffer(3)]], device float* expert_out [[buffer(4)]],
                                  uint group [[threadgroup_position_in_grid]],
                                  uint thread_index [[thread_index_in_threadgroup]],
                                  uint2 n_threads [[threads_per_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                                  uint simdgroup [[simdgroup_index_in_threadgroup]],
                                  uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float sums[kMaxShares * kFewRowsSums];
  const ThreadPlace t = {thread_index, n_threads.x, lane, simdgroup, n_simdgroups};
  const Encodings e = {kFirstEncoding, kSecondEncoding};
  const ExpertWork work = expert_work(arguments, group, arguments.hidden, offsets, active);
  if (work.n_positions == 0) return;
  const Weights down = weights_of(&work.expert->down);
  for (uint i = 0; i < work.n_positions; i += kFewRows) {
    const uint n_rows = min(kFewRows, work.n_positions - i);
    const ulong position = work.first_position + i;
    multiply_few_rows_of(down, e, inner + position * arguments.inner_stride, arguments.inner_stride, n_rows, work.block, sums,
                      t);
    for (uint row = simdgroup; row < n_rows; row += n_simdgroups) {
      write_expert_out(down, sums + 128 * row, work.block, arguments.hidden,
                       expert_out + (position + row) * arguments.hidden, lane);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}

/// base: all rows of an expert, a tile of 32 after the other. large_batch: one tile of 128.
template <int kRows>
static ExpertWork tiled_work(constant abi::MoeArguments& arguments, uint item, uint width, const device int* offsets,
                             const device int* active, uint lane) {
  if (kRows == 128) return expert_tile_work<128>(arguments, item, width, offsets, active, lane);
  return expert_work(arguments, item, width, offsets, active);
}

// Grid: items of tiled_work().
template <int kRows, int kUnitRows>
[[max_total_threads_per_threadgroup(512)]] kernel void moe_gate_up_tiles(constant abi::MoeArguments& arguments [[buffer(0)]],
                              const device float* gate_in [[buffer(1)]], const device float* up_in [[buffer(2)]],
                              const device int* offsets [[buffer(3)]], const device int* active [[buffer(4)]],
                              device float* inner [[buffer(5)]], uint group [[threadgroup_position_in_grid]],
                              uint thread_index [[thread_index_in_threadgroup]],
                              uint2 n_threads [[threads_per_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                              uint simdgroup [[simdgroup_index_in_threadgroup]],
                              uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float shared[Tiling<kRows, kUnitRows>::kPairFloats];
  const ThreadPlace t = {thread_index, n_threads.x, lane, simdgroup, n_simdgroups};
  const Encodings e = {kFirstEncoding, kSecondEncoding};
  const ExpertWork work = tiled_work<kRows>(arguments, group, arguments.inner_stride, offsets, active, lane);
  if (work.n_positions == 0 || 128 * work.block >= work.expert->down.stored_in) return;
  const Weights gate = weights_of(&work.expert->gate);
  const Weights up = weights_of(&work.expert->up);
  const uint n_units = units_at_once<kRows, kUnitRows>(n_simdgroups);
  for (uint i = 0; i < work.n_positions; i += kRows) {
    const uint n_rows = min(uint(kRows), work.n_positions - i);
    const ulong position = work.first_position + i;
    const ulong in = position * arguments.in_stride;
    for (uint first_unit = 0; first_unit / 4 * kUnitRows < n_rows; first_unit += n_units) {
      const uint unit = simdgroup < n_units ? first_unit + simdgroup : Tiling<kRows, kUnitRows>::kUnits;
      simdgroup_float8x8 gate_sums[Tiling<kRows, kUnitRows>::kUnitMatrices];
      simdgroup_float8x8 up_sums[Tiling<kRows, kUnitRows>::kUnitMatrices];
      multiply_tile<kRows, kUnitRows>(gate, e, gate_in + in, arguments.in_stride, n_rows, work.block, unit, gate_sums,
                                      shared, t);
      multiply_tile<kRows, kUnitRows>(up, e, up_in + in, arguments.in_stride, n_rows, work.block, unit, up_sums, shared, t);
      const uint end = min(n_rows, (first_unit + n_units) / 4 * kUnitRows);
      for (uint first_row = first_unit / 4 * kUnitRows; first_row < end; first_row += kOutputRows) {
        threadgroup_barrier(mem_flags::mem_threadgroup);
        store_sums<kUnitRows>(gate_sums, unit, first_row, shared);
        store_sums<kUnitRows>(up_sums, unit, first_row, shared + kOutputFloats);
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (uint row = simdgroup; row < kOutputRows && first_row + row < end; row += n_simdgroups) {
          const threadgroup float* sums = shared + kOutputStride * row;
          const float4 gate_out = finished_outputs(gate, sums, work.block, lane);
          const float4 up_out = finished_outputs(up, sums + kOutputFloats, work.block, lane);
          write_inner(weights_of(&work.expert->down), gate_out, up_out, work.block,
                      inner + (position + first_row + row) * arguments.inner_stride, lane);
        }
      }
    }
  }
}
template [[host_name("moe_gate_up_base_f32")]] kernel void moe_gate_up_tiles<32, 16>(
    constant abi::MoeArguments&, const device float*, const device float*, const device int*, const device int*,
    device float*, uint, uint, uint2, uint, uint, uint);
template [[host_name("moe_gate_up_large_batch_f32")]] kernel void moe_gate_up_tiles<128, 32>(
    constant abi::MoeArguments&, const device float*, const device float*, const device int*, const device int*,
    device float*, uint, uint, uint2, uint, uint, uint);

// Grid: items of tiled_work().
template <int kRows, int kUnitRows>
[[max_total_threads_per_threadgroup(512)]] kernel void moe_down_tiles(constant abi::MoeArguments& arguments [[buffer(0)]], const device float* inner [[buffer(1)]],
                           const device int* offsets [[buffer(2)]], const device int* active [[buffer(3)]],
                           device float* expert_out [[buffer(4)]], uint group [[threadgroup_position_in_grid]],
                           uint thread_index [[thread_index_in_threadgroup]],
                           uint2 n_threads [[threads_per_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]],
                           uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float shared[Tiling<kRows, kUnitRows>::kStageFloats];
  const ThreadPlace t = {thread_index, n_threads.x, lane, simdgroup, n_simdgroups};
  const Encodings e = {kFirstEncoding, kSecondEncoding};
  const ExpertWork work = tiled_work<kRows>(arguments, group, arguments.hidden, offsets, active, lane);
  if (work.n_positions == 0) return;
  const Weights down = weights_of(&work.expert->down);
  const uint n_units = units_at_once<kRows, kUnitRows>(n_simdgroups);
  for (uint i = 0; i < work.n_positions; i += kRows) {
    const uint n_rows = min(uint(kRows), work.n_positions - i);
    const ulong position = work.first_position + i;
    for (uint first_unit = 0; first_unit / 4 * kUnitRows < n_rows; first_unit += n_units) {
      const uint unit = simdgroup < n_units ? first_unit + simdgroup : Tiling<kRows, kUnitRows>::kUnits;
      simdgroup_float8x8 sums[Tiling<kRows, kUnitRows>::kUnitMatrices];
      multiply_tile<kRows, kUnitRows>(down, e, inner + position * arguments.inner_stride, arguments.inner_stride, n_rows,
                                      work.block, unit, sums, shared, t);
      const uint end = min(n_rows, (first_unit + n_units) / 4 * kUnitRows);
      for (uint first_row = first_unit / 4 * kUnitRows; first_row < end; first_row += kOutputRows) {
        threadgroup_barrier(mem_flags::mem_threadgroup);
        store_sums<kUnitRows>(sums, unit, first_row, shared);
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (uint row = simdgroup; row < kOutputRows && first_row + row < end; row += n_simdgroups) {
          write_expert_out(down, shared + kOutputStride * row, work.block, arguments.hidden,
                           expert_out + (position + first_row + row) * arguments.hidden, lane);
        }
      }
    }
  }
}
template [[host_name("moe_down_base_f32")]] kernel void moe_down_tiles<32, 16>(constant abi::MoeArguments&,
                                                                               const device float*, const device int*,
                                                                               const device int*, device float*, uint,
                                                                               uint, uint2, uint, uint, uint);
template [[host_name("moe_down_large_batch_f32")]] kernel void moe_down_tiles<128, 32>(
    constant abi::MoeArguments&, const device float*, const device int*, const device int*, device float*, uint, uint,
    uint2, uint, uint, uint);

// ---- moe_combine_f32

// Grid: (threads for hidden, rows).
kernel void moe_combine_f32(constant abi::MoeCombineArguments& arguments [[buffer(0)]],
                            const device float* expert_out [[buffer(1)]], const device float* weights [[buffer(2)]],
                            const device int* slot_position [[buffer(3)]], device float* x [[buffer(4)]],
                            uint2 position [[thread_position_in_grid]]) {
  if (position.x >= arguments.hidden) return;
  const uint first_slot = position.y * arguments.slots_per_row;
  const ulong out = ulong(position.y) * arguments.hidden + position.x;
  float sum = x[out];
  for (uint slot = first_slot; slot < first_slot + arguments.slots_per_row; ++slot) {
    sum += weights[slot] * expert_out[ulong(uint(slot_position[slot])) * arguments.hidden + position.x];
  }
  x[out] = sum;
}
