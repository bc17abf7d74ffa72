// SPDX-License-Identifier: Apache-2.0
// Attention of one or two queries that share their keys, by one or more simdgroups, with queries, keys and sums in
// registers: each cache row is loaded once for both.
//
// Positions are cut into spans of 64 from 0 on. A simdgroup attends to a span by itself, with a running maximum; the
// spans' sums are then added up in order, through threadgroup memory. What is computed for a row and a head therefore
// depends neither on the number of simdgroups that share its spans nor on how a prompt is cut.
#pragma once

#include <metal_stdlib>

#include "backends/metal/kernels/cache_row.h"
#include "backends/metal/kernels/cache_vectors.h"
#include "backends/metal/kernels/reduce.h"

namespace marlin {

constant constexpr uint kSpan = 64;
constant constexpr uint kTailPerLane = 2;             // floats of the part of a key that is no value
constant constexpr uint kMaxSpanSimdgroups = 16;      // of a threadgroup
constant constexpr uint kSpanChunk = 4 * kSimdWidth;  // floats of a simdgroup's sums in threadgroup memory

/// What the queries of a simdgroup share.
template <typename Vectors>
struct SharedKeys {
  Vectors keys;
  Vectors values;      // keys, where values are the first part of keys
  CacheBlocks blocks;  // rows of the sequence
  uint value_dim;      // also of the keys' first part
  uint tail_offset;    // where their second part begins
  uint tail_dim;
  uint n_positions;
  float scale;
  bool whole;  // vectors may be loaded
};

/// What simdgroups hand over to be added up, in threadgroup memory. There are two: while one is read, the other may be
/// written, so that one barrier is enough.
struct SpanSums {
  float chunks[kMaxSpanSimdgroups][kSpanChunk];
  float maxima[kMaxSpanSimdgroups];
  float sums[kMaxSpanSimdgroups];
};

/// One simdgroup's result for a span, or what leads to it. Lane i keeps maximum and sum for its own position of every
/// block and query, i % kBlock and i / kBlock % kQueries.
template <uint kQueries, uint kPart>
struct SpanState {
  float values[kQueries][kPart];
  float maximum;
  float sum;
};

/// Queries in registers, as load_part lays them out.
template <uint kQueries, uint kPart>
struct SpanQueries {
  float first[kQueries][kPart];
  float tail[kQueries][kTailPerLane];
};

/// Attends to n positions from `first` on, kBlock of them at a time.
template <typename Vectors, uint kQueries, uint kBlock, uint kVector, uint kChunks, bool kTail>
METAL_FUNC void attend_span(SharedKeys<Vectors> shared, const thread SpanQueries<kQueries, kVector * kChunks>& queries,
                            uint first, uint n, uint lane, thread SpanState<kQueries, kVector * kChunks>& state) {
  typedef typename Vectors::Element Element;
  constexpr uint kPart = kVector * kChunks;
  MARLIN_UNROLL
  for (uint q = 0; q < kQueries; ++q) {
    MARLIN_UNROLL
    for (uint i = 0; i < kPart; ++i) state.values[q][i] = 0.0f;
  }
  state.maximum = -INFINITY;
  state.sum = 0.0f;
  for (uint begin = 0; begin < n; begin += kBlock) {
    Element parts[kBlock][kPart];
    float scores[kQueries * kBlock];
    MARLIN_UNROLL
    for (uint p = 0; p < kBlock; ++p) {
      Element tail[kTailPerLane];
      MARLIN_UNROLL
      for (uint i = 0; i < kPart; ++i) parts[p][i] = Element(0.0f);
      MARLIN_UNROLL
      for (uint i = 0; i < kTailPerLane; ++i) tail[i] = Element(0.0f);
      if (begin + p < n) {
        const typename Vectors::Vector key = shared.keys.of_row(shared.blocks.row(first + begin + p));
        load_part<kVector, kChunks>(key, shared.value_dim, shared.whole, lane, parts[p]);
        if (kTail) {
          load_part<kTailPerLane, 1>(from(key, shared.tail_offset), shared.tail_dim, shared.whole, lane, tail);
        }
      }
      MARLIN_UNROLL
      for (uint q = 0; q < kQueries; ++q) {
        float dot = 0.0f;
        MARLIN_UNROLL
        for (uint i = 0; i < kPart; ++i) dot = metal::fma(queries.first[q][i], float(parts[p][i]), dot);
        if (kTail) {
          MARLIN_UNROLL
          for (uint i = 0; i < kTailPerLane; ++i) dot = metal::fma(queries.tail[q][i], float(tail[i]), dot);
        }
        scores[q * kBlock + p] = dot;
      }
    }
    const bool present = begin + lane % kBlock < n;
    const float dot = sum_values<kQueries * kBlock>(scores, lane);
    const float score = present ? dot * shared.scale : -INFINITY;
    float maximum = metal::max(state.maximum, score);
    for (uint mask = 1; mask < kBlock; mask *= 2) {
      maximum = metal::max(maximum, metal::simd_shuffle_xor(maximum, ushort(mask)));
    }
    const float reference = maximum == -INFINITY ? 0.0f : maximum;  // weights of -infinity are 0, not NaN
    const float weight = present ? metal::precise::exp(score - reference) : 0.0f;
    if (metal::simd_any(maximum > state.maximum)) {
      const float factor = metal::precise::exp(state.maximum - reference);
      state.sum *= factor;
      MARLIN_UNROLL
      for (uint q = 0; q < kQueries; ++q) {
        const float of_query = metal::simd_broadcast(factor, ushort(q * kBlock));
        MARLIN_UNROLL
        for (uint i = 0; i < kPart; ++i) state.values[q][i] *= of_query;
      }
      state.maximum = maximum;
    }
    state.sum += weight;
    MARLIN_UNROLL
    for (uint p = 0; p < kBlock; ++p) {
      if (!kTail && begin + p < n) {
        const typename Vectors::Vector value = shared.values.of_row(shared.blocks.row(first + begin + p));
        load_part<kVector, kChunks>(value, shared.value_dim, shared.whole, lane, parts[p]);
      }
      MARLIN_UNROLL
      for (uint q = 0; q < kQueries; ++q) {
        const float of_position = metal::simd_broadcast(weight, ushort(q * kBlock + p));
        MARLIN_UNROLL
        for (uint i = 0; i < kPart; ++i) {
          state.values[q][i] = metal::fma(of_position, float(parts[p][i]), state.values[q][i]);
        }
      }
    }
  }
  for (uint mask = 1; mask < kBlock; mask *= 2) state.sum += metal::simd_shuffle_xor(state.sum, ushort(mask));
}

/// What a query's sums are multiplied by when those of a round of spans are added: lane s has the factors of span s.
struct SpanFactors {
  float keep;  // for what was there
  float add;   // for the span's own
};

/// Takes the maxima and sums of n spans into those of the query.
METAL_FUNC SpanFactors join_spans(const threadgroup SpanSums& spans, uint first_simdgroup, uint n, uint lane,
                                  thread float& maximum, thread float& sum) {
  float before = maximum;
  float after = maximum;
  float own = -INFINITY;
  for (uint s = 0; s < n; ++s) {
    if (s > lane) continue;
    own = spans.maxima[first_simdgroup + s];
    before = after;
    after = metal::max(after, own);
  }
  const SpanFactors factors = {metal::precise::exp(before - after), metal::precise::exp(own - after)};
  for (uint s = 0; s < n; ++s) {
    const float keep = metal::simd_broadcast(factors.keep, ushort(s));
    sum = metal::fma(sum, keep, spans.sums[first_simdgroup + s] * metal::simd_broadcast(factors.add, ushort(s)));
  }
  maximum = metal::simd_broadcast(after, ushort(n - 1));
  return factors;
}

/// Where a simdgroup's queries are, and where their results go.
template <uint kQueries>
struct SpanWork {
  const device float* query[kQueries];
  const device float* tail[kQueries];
  device float* out[kQueries];
  uint n_queries;        // the others are copies, whose results are left out
  uint first_simdgroup;  // of the n_slices that share these queries
  uint slice;            // n_slices or more: this simdgroup only waits with the others
  uint n_slices;
};

/// kTail: keys have a part that is no value, and values are the first parts of keys. All threads of a threadgroup call,
/// with the same n_slices and n_positions.
template <typename Vectors, uint kQueries, uint kBlock, uint kVector, uint kChunks, bool kTail>
METAL_FUNC void attend_spans(SharedKeys<Vectors> shared, SpanWork<kQueries> work, threadgroup SpanSums* both,
                             ThreadPlace place) {
  constexpr uint kPart = kVector * kChunks;
  constexpr uint kChunk = kVector * kSimdWidth;
  const bool takes_part = work.slice < work.n_slices;
  uint turn = 0;
  const uint n_spans = (shared.n_positions + kSpan - 1) / kSpan;
  SpanQueries<kQueries, kPart> queries;
  float maximum[kQueries];
  float sum[kQueries];
  MARLIN_UNROLL
  for (uint q = 0; q < kQueries; ++q) {
    load_part<kVector, kChunks>(work.query[q], shared.value_dim, false, place.lane, queries.first[q]);
    if (kTail) load_part<kTailPerLane, 1>(work.tail[q], shared.tail_dim, false, place.lane, queries.tail[q]);
    maximum[q] = -INFINITY;
    sum[q] = 0.0f;
  }
  for (uint first_span = 0; first_span < n_spans; first_span += work.n_slices) {
    const uint n_working = metal::min(work.n_slices, n_spans - first_span);
    const bool is_last = first_span + work.n_slices >= n_spans;
    SpanState<kQueries, kPart> state;
    state.maximum = -INFINITY;
    state.sum = 0.0f;
    if (work.slice < n_working) {
      const uint first = (first_span + work.slice) * kSpan;
      attend_span<Vectors, kQueries, kBlock, kVector, kChunks, kTail>(
          shared, queries, first, metal::min(kSpan, shared.n_positions - first), place.lane, state);
    }
    MARLIN_UNROLL
    for (uint q = 0; q < kQueries; ++q) {
      const float span_maximum = metal::simd_shuffle(state.maximum, ushort(q * kBlock));
      const float span_sum = metal::simd_shuffle(state.sum, ushort(q * kBlock));
      SpanFactors factors = {0.0f, 0.0f};
      MARLIN_UNROLL
      for (uint c = 0; c < kChunks; ++c, turn ^= 1) {
        threadgroup SpanSums& spans = both[turn];
        if (work.slice < n_working) {
          MARLIN_UNROLL
          for (uint k = 0; k < kVector; ++k) {
            spans.chunks[place.simdgroup][place.lane * kVector + k] = state.values[q][c * kVector + k];
          }
          if (c == 0 && place.lane == 0) {
            spans.maxima[place.simdgroup] = span_maximum;
            spans.sums[place.simdgroup] = span_sum;
          }
        }
        metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
        if (!takes_part) continue;
        if (c == 0) factors = join_spans(spans, work.first_simdgroup, n_working, place.lane, maximum[q], sum[q]);
        for (uint i = work.slice * kSimdWidth; i < kChunk; i += work.n_slices * kSimdWidth) {
          const uint at = c * kChunk + i + place.lane;
          const bool wanted = at < shared.value_dim && q < work.n_queries;
          float value = wanted && first_span > 0 ? work.out[q][at] : 0.0f;
          for (uint s = 0; s < n_working; ++s) {
            const float added = spans.chunks[work.first_simdgroup + s][i + place.lane];
            value = metal::fma(value, metal::simd_broadcast(factors.keep, ushort(s)),
                               added * metal::simd_broadcast(factors.add, ushort(s)));
          }
          if (wanted) work.out[q][at] = is_last ? value * (1.0f / sum[q]) : value;
        }
      }
    }
  }
}

}  // namespace marlin
