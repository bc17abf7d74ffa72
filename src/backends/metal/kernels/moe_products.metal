// SPDX-License-Identifier: Apache-2.0
// The experts of a layer, all of them in one launch per phase (abi/moe.h): moe_gate_up_<variant>_f32 and
// moe_down_<variant>_f32. What a threadgroup works on follows from its number and the routing, which is in device
// memory: there are enough of them for any routing, and those without work end at once.
#include <metal_stdlib>

#include "abi/moe.h"
#include "backends/metal/kernels/expert_work.h"
#include "backends/metal/kernels/product_few_rows.h"
#include "backends/metal/kernels/product_tiles.h"

using namespace metal;
using namespace marlin;

// abi::MoeArguments::gate_up_encodings for the kernels of gate and up, down_encodings for those of down.
constant uint kFirstEncoding [[function_constant(0)]];
constant uint kSecondEncoding [[function_constant(1)]];

constant uint kDecodeSimdgroups = 16;  // at most, by the limit of the decode kernels

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
