// SPDX-License-Identifier: Apache-2.0
// Reductions and matrix products: what most of the engine's Metal kernels will be made of.
#include <metal_stdlib>
using namespace metal;

// Computes: totals[0] += sum(x). Grid: any number of threadgroups; each adds its part atomically.
kernel void test_sum(const device float* x [[buffer(0)]], device atomic_float* total [[buffer(1)]],
                     constant uint& n [[buffer(2)]], uint i [[thread_position_in_grid]],
                     uint step [[threads_per_grid]], uint lane [[thread_index_in_simdgroup]]) {
  float sum = 0.0f;
  for (; i < n; i += step) sum += x[i];
  sum = simd_sum(sum);
  if (lane == 0) atomic_fetch_add_explicit(total, sum, memory_order_relaxed);
}

// A trellis-coded row: weight k is decoded from the 16-bit window at bit 2k of the packed stream by a multiply-add hash,
// whose two halves are added (the 3INST codebook of EXL3).
static inline half decode_3inst(uint state) {
  const uint hash = state * 89226354u + 64248484u;
  const half2 parts = as_type<half2>((hash & 0x8fff8fffu) ^ 0x3b603b60u);
  return parts.x + parts.y;
}

struct TrellisArguments {
  uint n_rows;
  uint n_columns;
  uint words_per_row;
};

// Computes: y = scale * (W x). Grid: one simdgroup per row; columns in multiples of 8.
kernel void test_trellis_product(const device uint* packed [[buffer(0)]], const device half* scale [[buffer(1)]],
                                 const device float* x [[buffer(2)]], device float* y [[buffer(3)]],
                                 constant TrellisArguments& arguments [[buffer(4)]],
                                 uint group [[threadgroup_position_in_grid]],
                                 ushort lane [[thread_index_in_simdgroup]],
                                 ushort simdgroup [[simdgroup_index_in_threadgroup]],
                                 ushort n_simdgroups [[simdgroups_per_threadgroup]]) {
  const uint row = group * n_simdgroups + simdgroup;
  if (row >= arguments.n_rows) return;  // a whole simdgroup, and no barrier follows
  const device uint* words = packed + row * arguments.words_per_row;
  float4 sum = float4(0.0f);
  for (uint column = lane * 8; column < arguments.n_columns; column += 32 * 8) {
    const uint bit = 2 * column;
    const ulong window = (ulong(words[bit / 32 + 1]) << 32 | words[bit / 32]) >> (bit % 32);
    const float4 x0 = *(const device float4*)(x + column);
    const float4 x1 = *(const device float4*)(x + column + 4);
    half4 w0;
    half4 w1;
    for (int k = 0; k < 4; ++k) w0[k] = decode_3inst(uint(window >> (2 * k)) & 0xffffu);
    for (int k = 0; k < 4; ++k) w1[k] = decode_3inst(uint(window >> (2 * k + 8)) & 0xffffu);
    sum += float4(w0) * x0 + float4(w1) * x1;
  }
  const float total = simd_sum(sum.x + sum.y + sum.z + sum.w);
  if (lane == 0) y[row] = total * float(scale[row]);
}

struct MatrixArguments {
  uint m;
  uint n;
  uint k;
};

// Computes: c = a b. Grid: one threadgroup of 4 simdgroups per tile of 32 x 32; all sizes multiples of 32, k of 8.
template <typename T, bool kSecondBarrier>
kernel void matrix_product(const device T* a [[buffer(0)]], const device T* b [[buffer(1)]],
                           device float* c [[buffer(2)]], constant MatrixArguments& arguments [[buffer(3)]],
                           uint2 group [[threadgroup_position_in_grid]],
                           uint thread_index [[thread_index_in_threadgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  threadgroup T tile_a[32 * 8];
  threadgroup T tile_b[8 * 32];
  simdgroup_float8x8 sums[4];
  for (int j = 0; j < 4; ++j) sums[j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  for (uint k = 0; k < arguments.k; k += 8) {
    for (uint i = thread_index; i < 32 * 8; i += 128) {
      tile_a[i] = a[(group.y * 32 + i / 8) * arguments.k + k + i % 8];  // <- overwrites what others still read
      tile_b[i] = b[(k + i / 32) * arguments.n + group.x * 32 + i % 32];
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    simdgroup_matrix<T, 8, 8> left;
    simdgroup_matrix<T, 8, 8> right;
    simdgroup_load(left, tile_a + simdgroup * 64, 8);
    for (int j = 0; j < 4; ++j) {
      simdgroup_load(right, tile_b + j * 8, 32);
      simdgroup_multiply_accumulate(sums[j], left, right, sums[j]);
    }
    if (kSecondBarrier) threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  device float* out = c + (group.y * 32 + simdgroup * 8) * arguments.n + group.x * 32;
  for (int j = 0; j < 4; ++j) simdgroup_store(sums[j], out + j * 8, arguments.n);
}
template [[host_name("test_matrix_product_f16")]] kernel void matrix_product<half, true>(
    const device half*, const device half*, device float*, constant MatrixArguments&, uint2, uint, uint);
template [[host_name("test_matrix_product_f32")]] kernel void matrix_product<float, true>(
    const device float*, const device float*, device float*, constant MatrixArguments&, uint2, uint, uint);
template [[host_name("planted_matrix_product")]] kernel void matrix_product<half, false>(
    const device half*, const device half*, device float*, constant MatrixArguments&, uint2, uint, uint);
