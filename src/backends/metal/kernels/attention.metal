// SPDX-License-Identifier: Apache-2.0
// Attention over the key-value cache, and the products that lead into and out of the latent space; see abi/attention.h.
#include <metal_stdlib>

#include "abi/attention.h"
#include "backends/metal/kernels/load.h"
#include "backends/metal/kernels/reduce.h"

using namespace metal;
using namespace marlin;
using namespace marlin::abi;

constant constexpr uint kKeyBlock = 64;  // two keys per lane

/// One query and what it meets. The query comes in two parts; its keys do not.
template <typename T>
struct Attended {
  const device float* query;
  const device float* query_tail;
  uint query_dim;
  uint tail_dim;
  const device T* keys;
  const device T* values;
  ulong stride;
  uint value_dim;
  uint n_positions;
  float scale;
};

/// out[value_dim], by the whole threadgroup, for any dimensions. A block's scores are a simdgroup each, its values a
/// thread per dimension; sums live in `out`, where each thread has its own. Blocks begin at position 0, so that a row's
/// result does not depend on how a prompt is cut.
template <typename T>
METAL_FUNC void attend(Attended<T> a, device float* out, threadgroup float* scores, threadgroup float* weights,
                       ThreadPlace place) {
  float maximum = -INFINITY;
  float sum = 0.0f;
  for (uint first = 0; first < a.n_positions; first += kKeyBlock) {
    const uint n = min(kKeyBlock, a.n_positions - first);
    for (uint i = place.simdgroup; i < n; i += place.n_simdgroups) {
      const device T* key = a.keys + (first + i) * a.stride;
      float dot = 0.0f;
      for (uint j = place.lane; j < a.query_dim; j += kSimdWidth) dot = fma(a.query[j], float(key[j]), dot);
      key += a.query_dim;
      for (uint j = place.lane; j < a.tail_dim; j += kSimdWidth) dot = fma(a.query_tail[j], float(key[j]), dot);
      dot = simd_sum(dot);
      if (place.lane == 0) scores[i] = dot * a.scale;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    // every simdgroup computes the same
    const float score0 = place.lane < n ? scores[place.lane] : -INFINITY;
    const float score1 = place.lane + kSimdWidth < n ? scores[place.lane + kSimdWidth] : -INFINITY;
    const float new_maximum = max(maximum, simd_max(max(score0, score1)));
    const float factor = first == 0 ? 0.0f : precise::exp(maximum - new_maximum);
    const float weight0 = place.lane < n ? precise::exp(score0 - new_maximum) : 0.0f;
    const float weight1 = place.lane + kSimdWidth < n ? precise::exp(score1 - new_maximum) : 0.0f;
    sum = fma(sum, factor, simd_sum(weight0 + weight1));
    maximum = new_maximum;
    if (place.simdgroup == 0) {
      weights[place.lane] = weight0;
      weights[place.lane + kSimdWidth] = weight1;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint j = place.thread_index; j < a.value_dim; j += place.n_threads) {
      float value = first == 0 ? 0.0f : out[j] * factor;
      const device T* element = a.values + first * a.stride + j;
      for (uint i = 0; i < n; ++i, element += a.stride) value = fma(weights[i], float(*element), value);
      out[j] = value;
    }
  }
  const float inverse = 1.0f / sum;
  for (uint j = place.thread_index; j < a.value_dim; j += place.n_threads) out[j] *= inverse;
}

template <typename T>
METAL_FUNC void grouped_attention(constant GroupedAttentionArguments& arguments, const device float* q,
                                  const device uchar* keys, const device uchar* values, device float* out, uint head,
                                  uint row, threadgroup float* scores, threadgroup float* weights, ThreadPlace place) {
  const uint dim = arguments.head_dim;
  const ulong first = ulong(head / (arguments.n_heads / arguments.n_kv_heads)) * dim;
  const ulong item = (ulong(row) * arguments.n_heads + head) * dim;
  const Attended<T> attended = {q + item,
                                q,
                                dim,
                                0,
                                reinterpret_cast<const device T*>(keys) + first,
                                reinterpret_cast<const device T*>(values) + first,
                                ulong(arguments.n_kv_heads) * dim,
                                dim,
                                arguments.start_position + row + 1,
                                arguments.scale};
  attend(attended, out + item, scores, weights, place);
}

// Grid: (heads, rows).
kernel void grouped_attention_f32(constant GroupedAttentionArguments& arguments [[buffer(0)]],
                                  const device float* q [[buffer(1)]], const device uchar* keys [[buffer(2)]],
                                  const device uchar* values [[buffer(3)]], device float* out [[buffer(4)]],
                                  uint2 group [[threadgroup_position_in_grid]],
                                  uint thread_index [[thread_index_in_threadgroup]],
                                  uint n_threads [[threads_per_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                                  uint simdgroup [[simdgroup_index_in_threadgroup]],
                                  uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float scores[kKeyBlock];
  threadgroup float weights[kKeyBlock];
  const ThreadPlace place = {thread_index, n_threads, lane, simdgroup, n_simdgroups};
  if (arguments.cache_format == MatrixFormat::kF16) {
    grouped_attention<half>(arguments, q, keys, values, out, group.x, group.y, scores, weights, place);
  } else {
    grouped_attention<float>(arguments, q, keys, values, out, group.x, group.y, scores, weights, place);
  }
}

template <typename T>
METAL_FUNC void latent_attention(constant LatentAttentionArguments& arguments, const device float* query,
                                 const device float* q, const device uchar* cache, device float* out, uint head,
                                 uint row, threadgroup float* scores, threadgroup float* weights, ThreadPlace place) {
  const ulong item = (ulong(row) * arguments.n_heads + head) * arguments.rank;
  const Attended<T> attended = {
      query + item,
      q + ulong(row) * arguments.q_row_stride + ulong(head) * arguments.q_head_stride + arguments.q_rope_offset,
      arguments.rank,
      arguments.rope_dim,
      reinterpret_cast<const device T*>(cache),
      reinterpret_cast<const device T*>(cache),
      ulong(arguments.rank) + arguments.rope_dim,
      arguments.rank,
      arguments.start_position + row + 1,
      arguments.scale};
  attend(attended, out + item, scores, weights, place);
}

// Grid: (heads, rows).
kernel void latent_attention_f32(constant LatentAttentionArguments& arguments [[buffer(0)]],
                                 const device float* query [[buffer(1)]], const device float* q [[buffer(2)]],
                                 const device uchar* cache [[buffer(3)]], device float* out [[buffer(4)]],
                                 uint2 group [[threadgroup_position_in_grid]],
                                 uint thread_index [[thread_index_in_threadgroup]],
                                 uint n_threads [[threads_per_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                                 uint simdgroup [[simdgroup_index_in_threadgroup]],
                                 uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float scores[kKeyBlock];
  threadgroup float weights[kKeyBlock];
  const ThreadPlace place = {thread_index, n_threads, lane, simdgroup, n_simdgroups};
  if (arguments.cache_format == MatrixFormat::kF16) {
    latent_attention<half>(arguments, query, q, cache, out, group.x, group.y, scores, weights, place);
  } else {
    latent_attention<float>(arguments, query, q, cache, out, group.x, group.y, scores, weights, place);
  }
}

// Where row `i` of a head's keys and values is in kv_b.
METAL_FUNC const device uchar* kv_b_row(constant LatentProjectionArguments& arguments, uint head, uint i) {
  const ulong row = ulong(head) * (arguments.nope_dim + arguments.value_dim) + i;
  return reinterpret_cast<const device uchar*>(arguments.kv_b) + row * arguments.rank * element_bytes(arguments.format);
}

// Grid: (pieces of n_threads of the rank, heads, rows).
kernel void latent_query_f32(constant LatentProjectionArguments& arguments [[buffer(0)]],
                             const device float* q [[buffer(1)]], device float* query [[buffer(2)]],
                             uint3 group [[threadgroup_position_in_grid]],
                             uint thread_index [[thread_index_in_threadgroup]],
                             uint n_threads [[threads_per_threadgroup]]) {
  const uint column = group.x * n_threads + thread_index;
  const uint head = group.y;
  const uint row = group.z;
  if (column >= arguments.rank) return;
  const MatrixFormat format = arguments.format;
  const bool aligned = is_aligned(arguments.kv_b, format);
  const uint bytes = element_bytes(format);
  q += ulong(row) * arguments.q_row_stride + ulong(head) * arguments.q_head_stride;
  const device uchar* weights = kv_b_row(arguments, head, 0) + ulong(column) * bytes;
  float sum = 0.0f;
  for (uint i = 0; i < arguments.nope_dim; ++i, weights += ulong(arguments.rank) * bytes) {
    sum = fma(q[i], load_element(weights, format, aligned), sum);
  }
  query[(ulong(row) * arguments.n_heads + head) * arguments.rank + column] = sum;
}

// Grid: (pieces of a value per simdgroup, heads, rows).
kernel void latent_value_f32(constant LatentProjectionArguments& arguments [[buffer(0)]],
                             const device float* latent [[buffer(1)]], device float* out [[buffer(2)]],
                             uint3 group [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]],
                             uint simdgroup [[simdgroup_index_in_threadgroup]],
                             uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  const uint i = group.x * n_simdgroups + simdgroup;
  const uint head = group.y;
  if (i >= arguments.value_dim) return;
  const MatrixFormat format = arguments.format;
  const bool aligned = is_aligned(arguments.kv_b, format);
  const uint bytes = element_bytes(format);
  const ulong item = ulong(group.z) * arguments.n_heads + head;
  latent += item * arguments.rank;
  const device uchar* weights = kv_b_row(arguments, head, arguments.nope_dim + i);
  float sum = 0.0f;
  for (uint j = lane; j < arguments.rank; j += kSimdWidth) {
    sum = fma(latent[j], load_element(weights + ulong(j) * bytes, format, aligned), sum);
  }
  sum = simd_sum(sum);
  if (lane == 0) out[item * arguments.value_dim + i] = sum;
}
