// SPDX-License-Identifier: Apache-2.0
// Linear layers: exl3_transform_f32 and matmul_<variant>_f32 (abi/matmul.h). A threadgroup owns a block of 128 outputs
// over all inputs, so that the output side of a layer is done where its sums are.
#include <metal_stdlib>

#include "abi/matmul.h"
#include "backends/metal/kernels/product_few_rows.h"
#include "backends/metal/kernels/product_tiles.h"

using namespace metal;
using namespace marlin;

// The matrix's encoding: what the code of a pipeline is specialised for.
constant uint kEncoding [[function_constant(0)]];

// Grid: a simdgroup per 128 inputs of a row; any number of simdgroups in a threadgroup.
kernel void exl3_transform_f32(constant abi::Exl3TransformArguments& arguments [[buffer(0)]],
                               const device float* x [[buffer(1)]], device float* out [[buffer(2)]],
                               uint group [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]],
                               uint simdgroup [[simdgroup_index_in_threadgroup]],
                               uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  const Weights w = weights_of(&arguments.matrix);
  const uint n_blocks = w.stored_in / 128;
  const ulong item = ulong(group) * n_simdgroups + simdgroup;
  const uint row = uint(item / n_blocks);
  if (row >= arguments.n_rows) return;
  prepare_inputs(w, x + ulong(row) * arguments.in_stride, uint(item % n_blocks), out + ulong(row) * w.stored_in, lane);
}

/// y[row][128 block ..] from the sums of a row.
static void write_outputs(Weights w, constant abi::MatmulArguments& arguments, const threadgroup float* sums, uint row,
                          uint block, device float* y, uint lane) {
  const float4 v = finished_outputs(w, sums, block, lane);
  device float* out = y + ulong(row) * arguments.out_stride;
  for (uint r = 0; r < 4; ++r) {
    const uint i = 128 * block + lane + 32 * r;
    if (i < w.n_out) out[i] = arguments.accumulate != 0 ? out[i] + v[r] : v[r];
  }
}

// Grid: (blocks, rows).
kernel void matmul_decode_f32(constant abi::MatmulArguments& arguments [[buffer(0)]], const device float* x [[buffer(1)]],
                              device float* y [[buffer(2)]], uint2 group [[threadgroup_position_in_grid]],
                              uint thread_index [[thread_index_in_threadgroup]],
                              uint2 n_threads [[threads_per_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                              uint simdgroup [[simdgroup_index_in_threadgroup]],
                              uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float sums[kMaxSimdgroups * 128];
  const Weights w = specialised(weights_of(&arguments.matrix), kEncoding);
  const ThreadPlace t = {thread_index, n_threads.x, lane, simdgroup, n_simdgroups};
  multiply_row(w, x + ulong(group.y) * arguments.in_stride, group.x, sums, t);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  add_row_shares(w, sums, t);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (simdgroup == 0) write_outputs(w, arguments, sums, group.y, group.x, y, lane);
}

// Grid: (blocks, tiles of 16 rows).
kernel void matmul_prefill4_f32(constant abi::MatmulArguments& arguments [[buffer(0)]],
                                const device float* x [[buffer(1)]], device float* y [[buffer(2)]],
                                uint2 group [[threadgroup_position_in_grid]],
                                uint thread_index [[thread_index_in_threadgroup]],
                                uint2 n_threads [[threads_per_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                                uint simdgroup [[simdgroup_index_in_threadgroup]],
                                uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float sums[kMaxShares * kFewRowsSums];
  const Weights w = specialised(weights_of(&arguments.matrix), kEncoding);
  const ThreadPlace t = {thread_index, n_threads.x, lane, simdgroup, n_simdgroups};
  const uint first_row = group.y * kFewRows;
  const uint n_rows = min(kFewRows, arguments.n_rows - first_row);
  const Encodings e = {kEncoding, kEncoding};
  multiply_few_rows_of(w, e, x + ulong(first_row) * arguments.in_stride, arguments.in_stride, n_rows, group.x, sums, t);
  for (uint row = simdgroup; row < n_rows; row += n_simdgroups) {
    write_outputs(w, arguments, sums + 128 * row, first_row + row, group.x, y, lane);
  }
}

// Grid: (blocks, tiles of kRows rows).
template <int kRows, int kUnitRows>
[[max_total_threads_per_threadgroup(512)]] kernel void matmul_tiles(constant abi::MatmulArguments& arguments [[buffer(0)]], const device float* x [[buffer(1)]],
                         device float* y [[buffer(2)]], uint2 group [[threadgroup_position_in_grid]],
                         uint thread_index [[thread_index_in_threadgroup]],
                         uint2 n_threads [[threads_per_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                         uint simdgroup [[simdgroup_index_in_threadgroup]],
                         uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float shared[Tiling<kRows, kUnitRows>::kStageFloats];
  const Weights w = specialised(weights_of(&arguments.matrix), kEncoding);
  const ThreadPlace t = {thread_index, n_threads.x, lane, simdgroup, n_simdgroups};
  const Encodings e = {kEncoding, kEncoding};
  const uint tile_row = group.y * kRows;
  const uint n_rows = min(uint(kRows), arguments.n_rows - tile_row);
  const uint n_units = units_at_once<kRows, kUnitRows>(n_simdgroups);
  for (uint first_unit = 0; first_unit / 4 * kUnitRows < n_rows; first_unit += n_units) {
    const uint unit = simdgroup < n_units ? first_unit + simdgroup : Tiling<kRows, kUnitRows>::kUnits;
    simdgroup_float8x8 sums[Tiling<kRows, kUnitRows>::kUnitMatrices];
    multiply_tile<kRows, kUnitRows>(w, e, x + ulong(tile_row) * arguments.in_stride, arguments.in_stride, n_rows, group.x,
                                    unit, sums, shared, t);
    const uint end = min(n_rows, (first_unit + n_units) / 4 * kUnitRows);
    for (uint first_row = first_unit / 4 * kUnitRows; first_row < end; first_row += kOutputRows) {
      threadgroup_barrier(mem_flags::mem_threadgroup);
      store_sums<kUnitRows>(sums, unit, first_row, shared);
      threadgroup_barrier(mem_flags::mem_threadgroup);
      for (uint row = simdgroup; row < kOutputRows && first_row + row < end; row += n_simdgroups) {
        write_outputs(w, arguments, shared + kOutputStride * row, tile_row + first_row + row, group.x, y, lane);
      }
    }
  }
}
template [[host_name("matmul_base_f32")]] kernel void matmul_tiles<32, 16>(constant abi::MatmulArguments&,
                                                                           const device float*, device float*, uint2,
                                                                           uint, uint2, uint, uint, uint);
template [[host_name("matmul_large_batch_f32")]] kernel void matmul_tiles<128, 32>(constant abi::MatmulArguments&,
                                                                                   const device float*, device float*,
                                                                                   uint2, uint, uint2, uint, uint,
                                                                                   uint);
