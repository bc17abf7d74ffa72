// SPDX-License-Identifier: Apache-2.0
// Attention over the key-value cache; see abi/attention.h. attend_spans.h and attend_wide.h hold the arithmetic.
#include <metal_stdlib>

#include "abi/attention.h"
#include "abi/cache_vector.h"
#include "backends/metal/kernels/attend_spans.h"
#include "backends/metal/kernels/attend_wide.h"
#include "backends/metal/kernels/cache_row.h"
#include "backends/metal/kernels/cache_vectors.h"
#include "backends/metal/kernels/reduce.h"

using namespace metal;
using namespace marlin;
using namespace marlin::abi;

// What an attention pipeline is made for.
constant uint kCacheFormat [[function_constant(0)]];  // a MatrixFormat
constant uint kDim [[function_constant(1)]];          // head_dim or rank
constant uint kTailDim [[function_constant(2)]];      // 0 or rope_dim
constant uint kGroupSize [[function_constant(3)]];    // query heads that share a key

// As in attention_kernels.cc: what registers hold.
constant constexpr uint kMaxSpanHeadDim = 256;
constant constexpr uint kMaxSpanRank = 512;
constant constexpr uint kMaxSpanTail = kTailPerLane * kSimdWidth;

/// What a threadgroup does of the work of one row: some of the sets of up to kQueries heads that share their keys,
/// each with the same number of simdgroups.
struct HeadSet {
  uint kv_head;
  uint first_head;
  uint n_heads;
  uint first_simdgroup;
  uint slice;
  uint n_slices;
};

template <uint kQueries>
METAL_FUNC HeadSet find_head_set(uint n_kv_heads, uint group, uint n_groups, ThreadPlace place) {
  const uint sets_per_kv_head = (kGroupSize + kQueries - 1) / kQueries;
  const uint n_sets = n_kv_heads * sets_per_kv_head;
  const uint sets_here = (n_sets + n_groups - 1) / n_groups;
  const uint n_slices = place.n_simdgroups / sets_here;
  const uint local = place.simdgroup / n_slices;
  const bool exists = local < sets_here && group * sets_here + local < n_sets;
  const uint set = exists ? group * sets_here + local : 0;
  const uint first = set % sets_per_kv_head * kQueries;  // of the key head's query heads
  const uint kv_head = set / sets_per_kv_head;
  return {kv_head,
          kv_head * kGroupSize + first,
          min(kQueries, kGroupSize - first),
          local * n_slices,
          exists ? place.simdgroup % n_slices : n_slices,
          n_slices};
}

/// What a row sees: the positions of its sequence up to its own.
struct SequencePlace {
  CacheBlocks blocks;
  uint n_positions;
};

METAL_FUNC SequencePlace find_sequence(const device RowPlace& place, const device uint* blocks, uint block_shift) {
  return {blocks_of(place, blocks, block_shift), place.position + 1};
}

/// What the cache is made of.
METAL_FUNC CacheVector cached_vector() { return {kDim + kTailDim, kTailDim}; }

METAL_FUNC ulong cached_bytes() { return cache_vector_bytes(MatrixFormat(kCacheFormat), cached_vector()); }

/// Keys and values of a key head.
template <typename Vectors>
struct GroupedCache {
  Vectors keys;
  Vectors values;

  /// From head 0 to another.
  GroupedCache of_head(uint head) const {
    GroupedCache result = *this;
    result.keys.first += head * cached_bytes();
    result.values.first += head * cached_bytes();
    return result;
  }
};

template <typename Vectors, uint kQueries, uint kVector, uint kChunks>
METAL_FUNC void grouped_spans(constant GroupedAttentionArguments& arguments, const device float* q,
                              GroupedCache<Vectors> cache, SequencePlace sequence, device float* out, uint2 group,
                              uint n_groups, threadgroup SpanSums* spans, ThreadPlace place) {
  const HeadSet set = find_head_set<kQueries>(arguments.n_kv_heads, group.x, n_groups, place);
  const GroupedCache<Vectors> own = cache.of_head(set.kv_head);
  const bool whole = is_whole<kVector>(own.keys, kDim) && is_whole<kVector>(own.values, kDim);
  const SharedKeys<Vectors> shared = {own.keys, own.values, sequence.blocks, kDim, kDim, 0, sequence.n_positions,
                                      arguments.scale, whole};
  SpanWork<kQueries> work;
  work.n_queries = set.n_heads;
  work.first_simdgroup = set.first_simdgroup;
  work.slice = set.slice;
  work.n_slices = set.n_slices;
  for (uint i = 0; i < kQueries; ++i) {
    const uint head = set.first_head + min(i, set.n_heads - 1);
    const ulong item = (ulong(group.y) * arguments.n_heads + head) * kDim;
    work.query[i] = q + item;
    work.tail[i] = q;
    work.out[i] = out + item;
  }
  attend_spans<Vectors, kQueries, 8 / kQueries, kVector, kChunks, false>(shared, work, spans, place);
}

template <typename Vectors>
METAL_FUNC void grouped_wide(constant GroupedAttentionArguments& arguments, const device float* q,
                             GroupedCache<Vectors> cache, SequencePlace sequence, device float* out, uint2 group,
                             threadgroup SpanSums* spans, ThreadPlace place) {
  const GroupedCache<Vectors> own = cache.of_head(group.x / kGroupSize);
  const ulong item = (ulong(group.y) * arguments.n_heads + group.x) * kDim;
  const WideQuery<Vectors> query = {q + item,
                                    q,
                                    kDim,
                                    0,
                                    kDim,
                                    own.keys,
                                    own.values,
                                    sequence.blocks,
                                    kDim,
                                    sequence.n_positions,
                                    arguments.scale};
  attend_wide(query, out + item, spans->chunks[0], spans->chunks[1], place);
}

template <typename Vectors>
METAL_FUNC void grouped_attention(constant GroupedAttentionArguments& arguments, const device float* q,
                                  GroupedCache<Vectors> cache, SequencePlace sequence, device float* out, uint2 group,
                                  uint n_groups, threadgroup SpanSums* spans, ThreadPlace place) {
  if (kDim > kMaxSpanHeadDim) {
    grouped_wide<Vectors>(arguments, q, cache, sequence, out, group, spans, place);
  } else if (kGroupSize == 1) {
    if (kDim <= 64) {
      grouped_spans<Vectors, 1, 2, 1>(arguments, q, cache, sequence, out, group, n_groups, spans, place);
    } else if (kDim <= 128) {
      grouped_spans<Vectors, 1, 4, 1>(arguments, q, cache, sequence, out, group, n_groups, spans, place);
    } else {
      grouped_spans<Vectors, 1, 4, 2>(arguments, q, cache, sequence, out, group, n_groups, spans, place);
    }
  } else if (kDim <= 64) {
    grouped_spans<Vectors, 2, 2, 1>(arguments, q, cache, sequence, out, group, n_groups, spans, place);
  } else if (kDim <= 128) {
    grouped_spans<Vectors, 2, 4, 1>(arguments, q, cache, sequence, out, group, n_groups, spans, place);
  } else {
    grouped_spans<Vectors, 2, 4, 2>(arguments, q, cache, sequence, out, group, n_groups, spans, place);
  }
}

// Grid: (threadgroups that share the sets of heads of a row, rows), or (heads, rows) where head_dim is too large.
[[max_total_threads_per_threadgroup(512)]] kernel void grouped_attention_f32(
    constant GroupedAttentionArguments& arguments [[buffer(0)]], const device float* q [[buffer(1)]],
    const device uchar* keys [[buffer(2)]], const device uchar* values [[buffer(3)]],
    const device RowPlace* places [[buffer(4)]], const device uint* blocks [[buffer(5)]],
    device float* out [[buffer(6)]], uint2 group [[threadgroup_position_in_grid]], uint2 n_groups [[threadgroups_per_grid]],
    uint thread_index [[thread_index_in_threadgroup]], uint2 n_threads [[threads_per_threadgroup]],
    uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
    uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup SpanSums spans[2];
  const ThreadPlace place = {thread_index, n_threads.x, lane, simdgroup, n_simdgroups};
  const SequencePlace sequence = find_sequence(places[group.y], blocks, arguments.block_shift);
  const ulong row_bytes = arguments.n_kv_heads * cached_bytes();
  if (MatrixFormat(kCacheFormat) == MatrixFormat::kF16) {
    const GroupedCache<PlainVectors<half>> cache = {{keys, row_bytes}, {values, row_bytes}};
    grouped_attention(arguments, q, cache, sequence, out, group, n_groups.x, spans, place);
  } else if (MatrixFormat(kCacheFormat) == MatrixFormat::kInt8) {
    const uint n_numbers = cache_numbers(MatrixFormat::kInt8, cached_vector());
    const GroupedCache<Int8Vectors> cache = {{keys, row_bytes, n_numbers}, {values, row_bytes, n_numbers}};
    grouped_attention(arguments, q, cache, sequence, out, group, n_groups.x, spans, place);
  } else {
    const GroupedCache<PlainVectors<float>> cache = {{keys, row_bytes}, {values, row_bytes}};
    grouped_attention(arguments, q, cache, sequence, out, group, n_groups.x, spans, place);
  }
}

/// The rotated part of a head's query.
METAL_FUNC const device float* rotated_query(constant LatentAttentionArguments& arguments, const device float* q,
                                             uint row, uint head) {
  return q + ulong(row) * arguments.q_row_stride + ulong(head) * arguments.q_head_stride + arguments.q_rope_offset;
}

/// Where the rotated part of a cached key begins.
METAL_FUNC uint rotated_offset() { return cache_tail_offset(MatrixFormat(kCacheFormat), cached_vector()); }

template <typename Vectors>
METAL_FUNC void latent_spans(constant LatentAttentionArguments& arguments, const device float* query,
                             const device float* q, Vectors cache, SequencePlace sequence, device float* out,
                             uint2 group, uint n_groups, threadgroup SpanSums* spans, ThreadPlace place) {
  const HeadSet set = find_head_set<2>(1, group.x, n_groups, place);
  const bool whole = is_whole<4>(cache, kDim) && kTailDim % kTailPerLane == 0;
  const SharedKeys<Vectors> shared = {cache, cache, sequence.blocks, kDim, rotated_offset(), kTailDim,
                                      sequence.n_positions, arguments.scale, whole};
  SpanWork<2> work;
  work.n_queries = set.n_heads;
  work.first_simdgroup = set.first_simdgroup;
  work.slice = set.slice;
  work.n_slices = set.n_slices;
  for (uint i = 0; i < 2; ++i) {
    const uint head = set.first_head + min(i, set.n_heads - 1);
    const ulong item = (ulong(group.y) * arguments.n_heads + head) * kDim;
    work.query[i] = query + item;
    work.tail[i] = rotated_query(arguments, q, group.y, head);
    work.out[i] = out + item;
  }
  attend_spans<Vectors, 2, 4, 4, 4, true>(shared, work, spans, place);
}

template <typename Vectors>
METAL_FUNC void latent_attention(constant LatentAttentionArguments& arguments, const device float* query,
                                 const device float* q, Vectors cache, SequencePlace sequence, device float* out,
                                 uint2 group, uint n_groups, threadgroup SpanSums* spans, ThreadPlace place) {
  if (kDim <= kMaxSpanRank && kTailDim <= kMaxSpanTail) {
    latent_spans<Vectors>(arguments, query, q, cache, sequence, out, group, n_groups, spans, place);
    return;
  }
  const ulong item = (ulong(group.y) * arguments.n_heads + group.x) * kDim;
  const WideQuery<Vectors> wide = {query + item,
                                   rotated_query(arguments, q, group.y, group.x),
                                   kDim,
                                   kTailDim,
                                   rotated_offset(),
                                   cache,
                                   cache,
                                   sequence.blocks,
                                   kDim,
                                   sequence.n_positions,
                                   arguments.scale};
  attend_wide(wide, out + item, spans->chunks[0], spans->chunks[1], place);
}

// Grid: (threadgroups that share the pairs of heads of a row, rows), or (heads, rows) where rank or rope_dim are too
// large.
[[max_total_threads_per_threadgroup(512)]] kernel void latent_attention_f32(
    constant LatentAttentionArguments& arguments [[buffer(0)]], const device float* query [[buffer(1)]],
    const device float* q [[buffer(2)]], const device uchar* cache [[buffer(3)]],
    const device RowPlace* places [[buffer(4)]], const device uint* blocks [[buffer(5)]],
    device float* out [[buffer(6)]], uint2 group [[threadgroup_position_in_grid]], uint2 n_groups [[threadgroups_per_grid]],
    uint thread_index [[thread_index_in_threadgroup]], uint2 n_threads [[threads_per_threadgroup]],
    uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
    uint n_simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup SpanSums spans[2];
  const ThreadPlace place = {thread_index, n_threads.x, lane, simdgroup, n_simdgroups};
  const SequencePlace sequence = find_sequence(places[group.y], blocks, arguments.block_shift);
  const ulong row_bytes = cached_bytes();
  if (MatrixFormat(kCacheFormat) == MatrixFormat::kF16) {
    const PlainVectors<half> vectors = {cache, row_bytes};
    latent_attention(arguments, query, q, vectors, sequence, out, group, n_groups.x, spans, place);
  } else if (MatrixFormat(kCacheFormat) == MatrixFormat::kInt8) {
    const Int8Vectors vectors = {cache, row_bytes, cache_numbers(MatrixFormat::kInt8, cached_vector())};
    latent_attention(arguments, query, q, vectors, sequence, out, group, n_groups.x, spans, place);
  } else {
    const PlainVectors<float> vectors = {cache, row_bytes};
    latent_attention(arguments, query, q, vectors, sequence, out, group, n_groups.x, spans, place);
  }
}
