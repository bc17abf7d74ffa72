// SPDX-License-Identifier: Apache-2.0
// latent_query_f32 and latent_value_f32: the products with kv_b that lead into the latent space and out of it; see
// abi/attention.h. Rows are taken some at a time, so that a weight loaded serves them all; what is computed for a row
// does not depend on the others.
#include <metal_stdlib>

#include "abi/attention.h"
#include "backends/metal/kernels/load.h"
#include "backends/metal/kernels/reduce.h"

using namespace metal;
using namespace marlin;
using namespace marlin::abi;

constant uint kFormat [[function_constant(0)]];     // of kv_b, a MatrixFormat
constant uint kAlignment [[function_constant(1)]];  // of its rows, a RowAlignment

// As in attention_kernels.cc.
constant constexpr uint kColumns = 4 * kSimdWidth;  // of a simdgroup
constant constexpr uint kQueryRows = 8;             // of a threadgroup
constant constexpr uint kValueRows = 4;             // of a simdgroup
constant constexpr uint kValues = 4;                // of a simdgroup

constant constexpr uint kMaxQuerySimdgroups = 8;

/// Element `column` of row `i` of a head's rows in kv_b, and of those after it.
METAL_FUNC float4 load_kv_b(constant LatentProjectionArguments& arguments, uint head, uint i, uint column, uint n) {
  const MatrixFormat format = MatrixFormat(kFormat);
  const ulong row = ulong(head) * (arguments.nope_dim + arguments.value_dim) + i;
  const device uchar* weights = reinterpret_cast<const device uchar*>(arguments.kv_b);
  return load_elements4(weights + (row * arguments.rank + column) * element_bytes(format), format,
                        RowAlignment(kAlignment), n);
}

// Grid: (pieces of kColumns of the rank, heads, pieces of kQueryRows rows). A lane has four columns, a simdgroup every
// n_simdgroups-th of the head's key rows.
[[max_total_threads_per_threadgroup(256)]] kernel void latent_query_f32(
    constant LatentProjectionArguments& arguments [[buffer(0)]], const device float* q [[buffer(1)]],
    device float* query [[buffer(2)]], uint3 group [[threadgroup_position_in_grid]],
    uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
    uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float4 partial[kMaxQuerySimdgroups][kSimdWidth];
  const uint column = group.x * kColumns + lane * 4;
  const uint head = group.y;
  const uint first_row = group.z * kQueryRows;
  const uint n_rows = min(kQueryRows, arguments.n_rows - first_row);
  const uint n_columns = column < arguments.rank ? min(4u, arguments.rank - column) : 0;
  q += ulong(first_row) * arguments.q_row_stride + ulong(head) * arguments.q_head_stride;
  float4 sums[kQueryRows];
  for (uint r = 0; r < kQueryRows; ++r) sums[r] = float4(0.0f);
  for (uint i = simdgroup; i < arguments.nope_dim; i += n_simdgroups) {
    const float4 weights = load_kv_b(arguments, head, i, column, n_columns);
    for (uint r = 0; r < kQueryRows; ++r) {
      if (r < n_rows) sums[r] = fma(float4(q[ulong(r) * arguments.q_row_stride + i]), weights, sums[r]);
    }
  }
  for (uint r = 0; r < kQueryRows; ++r) {
    if (r >= n_rows) break;
    partial[simdgroup][lane] = sums[r];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (simdgroup == 0) {
      float4 sum = partial[0][lane];
      for (uint s = 1; s < n_simdgroups; ++s) sum += partial[s][lane];
      device float* out = query + (ulong(first_row + r) * arguments.n_heads + head) * arguments.rank + column;
      for (uint k = 0; k < n_columns; ++k) out[k] = sum[k];
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}

// Grid: (pieces of kValues values per simdgroup, heads, pieces of kValueRows rows). A lane has four columns of every
// kColumns.
kernel void latent_value_f32(constant LatentProjectionArguments& arguments [[buffer(0)]],
                             const device float* latent [[buffer(1)]], device float* out [[buffer(2)]],
                             uint3 group [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]],
                             uint simdgroup [[simdgroup_index_in_threadgroup]],
                             uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  const uint first = (group.x * n_simdgroups + simdgroup) * kValues;
  const uint head = group.y;
  const uint first_row = group.z * kValueRows;
  if (first >= arguments.value_dim) return;
  const uint rank = arguments.rank;
  const uint n_values = min(kValues, arguments.value_dim - first);
  const uint n_rows = min(kValueRows, arguments.n_rows - first_row);
  const ulong row_stride = ulong(arguments.n_heads) * rank;
  latent += first_row * row_stride + ulong(head) * rank;
  const bool vectors = reinterpret_cast<ulong>(latent) % sizeof(float4) == 0 && row_stride % 4 == 0;
  float sums[kValueRows * kValues];
  for (uint i = 0; i < kValueRows * kValues; ++i) sums[i] = 0.0f;
  for (uint column = lane * 4; column < rank; column += kColumns) {
    const uint n_columns = min(4u, rank - column);
    float4 weights[kValues];
    for (uint v = 0; v < kValues; ++v) {
      weights[v] = float4(0.0f);
      if (v < n_values) {
        weights[v] = load_kv_b(arguments, head, arguments.nope_dim + first + v, column, n_columns);
      }
    }
    for (uint r = 0; r < kValueRows; ++r) {
      if (r >= n_rows) continue;
      const float4 x = load_floats4(latent + r * row_stride + column, vectors, n_columns);
      for (uint v = 0; v < kValues; ++v) {
        for (uint k = 0; k < 4; ++k) sums[r * kValues + v] = fma(x[k], weights[v][k], sums[r * kValues + v]);
      }
    }
  }
  const float sum = sum_values<kValueRows * kValues>(sums, lane);
  const uint r = lane / kValues;
  const uint v = lane % kValues;
  if (r < n_rows && v < n_values) {
    out[(ulong(first_row + r) * arguments.n_heads + head) * arguments.value_dim + first + v] = sum;
  }
}
