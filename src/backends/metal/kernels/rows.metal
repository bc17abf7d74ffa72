// SPDX-License-Identifier: Apache-2.0
// Kernels on memory and on rows of floats; each is described in the abi header of its name.
#include <metal_stdlib>

#include "abi/copy.h"
#include "abi/embed.h"
#include "abi/fill.h"
#include "abi/finite_guard.h"
#include "abi/kv_append.h"
#include "abi/mask_logits.h"
#include "abi/rms_norm.h"
#include "abi/rope.h"
#include "abi/sample_math.h"
#include "backends/metal/kernels/cache_row.h"
#include "backends/metal/kernels/failure.h"
#include "backends/metal/kernels/load.h"
#include "backends/metal/kernels/reduce.h"

using namespace metal;
using namespace marlin;
using namespace marlin::abi;

// Grid: a thread per float.
kernel void copy_f32(constant CopyArguments& arguments [[buffer(0)]], const device float* source [[buffer(1)]],
                     device float* destination [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  if (i < arguments.n) destination[i] = source[i];
}

// Grid: a thread per value.
kernel void fill_u32(constant FillArguments& arguments [[buffer(0)]], device uint* destination [[buffer(1)]],
                     uint i [[thread_position_in_grid]]) {
  if (i < arguments.n) destination[i] = arguments.value;
}

// Grid: a thread per logit.
kernel void mask_logits_f32(constant MaskLogitsArguments& arguments [[buffer(0)]], device float* logits [[buffer(1)]],
                            const device uint* mask [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  if (i >= arguments.n || (mask[i / 32] >> (i % 32) & 1u) != 0) return;
  logits[i] = float_of_bits(kNegativeInfinityBits);
}

// Grid: (pieces of n_threads columns, rows). A row with a wrong id is reported and left alone.
kernel void embed_f32(constant EmbedArguments& arguments [[buffer(0)]], const device int* ids [[buffer(1)]],
                      const device int* chosen [[buffer(2)]], device float* out [[buffer(3)]],
                      device KernelFailure* failure [[buffer(30)]], uint2 group [[threadgroup_position_in_grid]],
                      uint thread_index [[thread_index_in_threadgroup]],
                      uint n_threads [[threads_per_threadgroup]]) {
  const uint width = arguments.table.n_in;
  int id = ids[group.y];
  if (id < 0 && uint(-1 - id) < arguments.n_chosen) id = chosen[-1 - id];
  if (id < 0 || uint(id) >= arguments.table.n_out) {
    if (group.x == 0 && thread_index == 0) report_failure(failure, KernelFailureCode::kTokenId, group.y, uint(id));
    return;
  }
  const uint i = group.x * n_threads + thread_index;
  if (i >= width) return;
  const MatrixFormat format = arguments.table.format;
  const device uchar* table = reinterpret_cast<const device uchar*>(arguments.table.weights);
  const device uchar* element = table + (ulong(id) * width + i) * element_bytes(format);
  out[ulong(group.y) * width + i] = load_element(element, format, is_aligned(arguments.table.weights, format));
}

// Grid: a threadgroup per row.
kernel void finite_guard_f32(constant FiniteGuardArguments& arguments [[buffer(0)]],
                             const device float* x [[buffer(1)]], device KernelFailure* failure [[buffer(30)]],
                             uint row [[threadgroup_position_in_grid]],
                             uint thread_index [[thread_index_in_threadgroup]],
                             uint n_threads [[threads_per_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                             uint simdgroup [[simdgroup_index_in_threadgroup]],
                             uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup uint first[kMaxSimdgroups];
  x += ulong(row) * arguments.width;
  uint wrong = arguments.width;  // the first column that this thread finds
  for (uint i = thread_index; i < arguments.width && wrong == arguments.width; i += n_threads) {
    if (!is_finite_bits(x[i])) wrong = i;
  }
  wrong = simd_min(wrong);
  if (lane == 0) first[simdgroup] = wrong;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (thread_index != 0) return;
  for (uint i = 1; i < n_simdgroups; ++i) wrong = min(wrong, first[i]);
  if (wrong == arguments.width) return;
  report_failure(failure, KernelFailureCode::kNotFinite, uint(arguments.stage), arguments.layer, row, wrong,
                 as_type<uint>(x[wrong]));
}

/// A simdgroup's group of an 8-bit vector: `n` numbers, of which the first n_present are those of x.
METAL_FUNC void quantise_group(const device float* x, uint n_present, uint n, uint lane, device char* numbers,
                               device float* scale) {
  uint largest = 0;  // magnitude, as an integer: in the same order, and NaN above all
  for (uint i = lane; i < n_present; i += kSimdWidth) largest = max(largest, as_type<uint>(x[i]) & 0x7FFFFFFFu);
  largest = simd_max(largest);
  const bool finite = largest < 0x7F800000u;
  const bool zeros = !finite || as_type<float>(largest) < smallest_group();
  const float step = zeros ? 0.0f : as_type<float>(largest) / 127.0f;
  for (uint i = lane; i < n; i += kSimdWidth) {
    numbers[i] = zeros || i >= n_present ? char(0) : char(rint(x[i] / step));
  }
  if (lane == 0) *scale = finite ? step : NAN;
}

/// The `index`-th group of the vectors of a row.
METAL_FUNC void append_group(constant KvAppendArguments& arguments, const device float* x, device uchar* row,
                             uint index, uint lane) {
  const CacheVector vector = {arguments.vector.dim, arguments.vector.tail_dim};
  const uint n_numbers = cache_numbers(MatrixFormat::kInt8, vector);
  const uint n_groups = (n_numbers + kScaleGroup - 1) / kScaleGroup;
  if (index >= arguments.n_vectors * n_groups) return;
  x += ulong(index / n_groups) * vector.dim;
  row += ulong(index / n_groups) * cache_vector_bytes(MatrixFormat::kInt8, vector);
  const uint at = index % n_groups * kScaleGroup;
  const uint tail = cache_tail_offset(MatrixFormat::kInt8, vector);
  const uint head_dim = vector.dim - vector.tail_dim;
  const uint first = at < tail ? at : head_dim + at - tail;
  const uint end = at < tail ? head_dim : vector.dim;
  quantise_group(x + first, min(uint(kScaleGroup), end - first), min(uint(kScaleGroup), n_numbers - at), lane,
                 reinterpret_cast<device char*>(row + at),
                 reinterpret_cast<device float*>(row + n_numbers) + index % n_groups);
}

// Grid: (pieces of n_threads columns, rows); int8: (pieces of n_simdgroups groups, rows).
kernel void kv_append_f32(constant KvAppendArguments& arguments [[buffer(0)]], const device float* x [[buffer(1)]],
                          device uchar* cache [[buffer(2)]], const device RowPlace* places [[buffer(3)]],
                          const device uint* blocks [[buffer(4)]], uint2 group [[threadgroup_position_in_grid]],
                          uint thread_index [[thread_index_in_threadgroup]],
                          uint n_threads [[threads_per_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                          uint simdgroup [[simdgroup_index_in_threadgroup]],
                          uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  const CacheVector vector = {arguments.vector.dim, arguments.vector.tail_dim};
  const device RowPlace& place = places[group.y];
  x += ulong(group.y) * arguments.row_stride;
  cache += blocks_of(place, blocks, arguments.block_shift).row(place.position) * arguments.n_vectors *
           cache_vector_bytes(arguments.cache_format, vector);
  if (arguments.cache_format == MatrixFormat::kInt8) {
    append_group(arguments, x, cache, group.x * n_simdgroups + simdgroup, lane);
    return;
  }
  const uint i = group.x * n_threads + thread_index;
  if (i >= arguments.n_vectors * arguments.vector.dim) return;
  if (arguments.cache_format == MatrixFormat::kF16) {
    reinterpret_cast<device half*>(cache)[i] = half(x[i]);
  } else {
    reinterpret_cast<device float*>(cache)[i] = x[i];
  }
}

// Grid: a threadgroup per row.
kernel void rms_norm_f32(constant RmsNormArguments& arguments [[buffer(0)]], const device float* x [[buffer(1)]],
                         device float* out [[buffer(2)]], uint row [[threadgroup_position_in_grid]],
                         uint thread_index [[thread_index_in_threadgroup]], uint n_threads [[threads_per_threadgroup]],
                         uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
                         uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float partial[kMaxSimdgroups];
  const device float* weight = reinterpret_cast<const device float*>(arguments.weight);
  x += ulong(row) * arguments.in_stride;
  out += ulong(row) * arguments.out_stride;
  float squares = 0.0f;
  for (uint i = thread_index; i < arguments.n; i += n_threads) squares = fma(x[i], x[i], squares);
  const float sum = threadgroup_sum(squares, partial, {thread_index, n_threads, lane, simdgroup, n_simdgroups});
  const float scale = precise::rsqrt(sum / float(arguments.n) + arguments.eps);
  for (uint i = thread_index; i < arguments.n; i += n_threads) out[i] = x[i] * scale * weight[i];
}

constant constexpr uint kMaxRopeDim = 4096;  // of a head that has more pairs than a threadgroup has threads

METAL_FUNC float2 rotate_pair(const device float* x, const device float* table, uint i, uint half_dim,
                              bool interleaved) {
  const float a = interleaved ? x[2 * i] : x[i];
  const float b = interleaved ? x[2 * i + 1] : x[i + half_dim];
  const float cosine = table[2 * i];
  const float sine = table[2 * i + 1];
  return float2(a * cosine - b * sine, b * cosine + a * sine);
}

// Grid: (groups of as many heads as have no more than n_threads pairs, at least one; rows). The result may lie where
// another pair of the head was, so all pairs are read before one is written.
kernel void rope_f32(constant RopeArguments& arguments [[buffer(0)]], device float* x [[buffer(1)]],
                     const device float* table [[buffer(2)]], const device RowPlace* places [[buffer(3)]],
                     uint2 group [[threadgroup_position_in_grid]],
                     uint thread_index [[thread_index_in_threadgroup]], uint n_threads [[threads_per_threadgroup]]) {
  threadgroup float rotated[kMaxRopeDim];
  const uint half_dim = arguments.dim / 2;
  const bool interleaved = arguments.interleaved != 0;
  table += ulong(places[group.y].position) * arguments.dim;
  x += ulong(group.y) * arguments.row_stride;
  if (half_dim <= n_threads) {
    const uint heads_per_group = n_threads / half_dim;
    const uint head = group.x * heads_per_group + thread_index / half_dim;
    const uint i = thread_index % half_dim;
    const bool active = thread_index < heads_per_group * half_dim && head < arguments.n_heads;
    x += ulong(head) * arguments.head_stride;
    float2 pair = float2(0.0f);
    if (active) pair = rotate_pair(x, table, i, half_dim, interleaved);
    threadgroup_barrier(mem_flags::mem_device);
    if (active) {
      x[i] = pair.x;
      x[i + half_dim] = pair.y;
    }
  } else {
    x += ulong(group.x) * arguments.head_stride;
    for (uint i = thread_index; i < half_dim; i += n_threads) {
      const float2 pair = rotate_pair(x, table, i, half_dim, interleaved);
      rotated[i] = pair.x;
      rotated[i + half_dim] = pair.y;
    }
    threadgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup);
    for (uint i = thread_index; i < arguments.dim; i += n_threads) x[i] = rotated[i];
  }
}
