// SPDX-License-Identifier: Apache-2.0
// The rows of a layer with experts (abi/moe.h): sorted by expert, gathered as the experts want them, and combined again.
#include <metal_stdlib>

#include "abi/moe.h"
#include "backends/metal/kernels/expert_work.h"
#include "backends/metal/kernels/reduce.h"
#include "backends/metal/kernels/weights.h"

using namespace metal;
using namespace marlin;

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
