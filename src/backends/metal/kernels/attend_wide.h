// SPDX-License-Identifier: Apache-2.0
// Attention of one query by a whole threadgroup, for dimensions that registers cannot hold (attend_spans.h).
#pragma once

#include <metal_stdlib>

#include "backends/metal/kernels/cache_row.h"
#include "backends/metal/kernels/cache_vectors.h"
#include "backends/metal/kernels/reduce.h"

namespace marlin {

constant constexpr uint kKeyBlock = 64;  // two keys per lane

/// One query and what it meets. Query and keys come in two parts.
template <typename Vectors>
struct WideQuery {
  const device float* query;
  const device float* query_tail;
  uint query_dim;
  uint tail_dim;
  uint tail_offset;  // of a key
  Vectors keys;
  Vectors values;
  CacheBlocks blocks;  // rows of the sequence
  uint value_dim;
  uint n_positions;
  float scale;
};

/// Writes out[value_dim]. A score is a simdgroup's work, a dimension of the values a thread's; the sums live in `out`.
/// `scores` and `weights` hold kKeyBlock floats. Blocks begin at position 0, so that a row's result does not depend on
/// how a prompt is cut.
template <typename Vectors>
METAL_FUNC void attend_wide(WideQuery<Vectors> a, device float* out, threadgroup float* scores,
                            threadgroup float* weights, ThreadPlace place) {
  float maximum = -INFINITY;
  float sum = 0.0f;
  for (uint first = 0; first < a.n_positions; first += kKeyBlock) {
    const uint n = metal::min(kKeyBlock, a.n_positions - first);
    for (uint i = place.simdgroup; i < n; i += place.n_simdgroups) {
      const typename Vectors::Vector key = a.keys.of_row(a.blocks.row(first + i));
      float dot = 0.0f;
      for (uint j = place.lane; j < a.query_dim; j += kSimdWidth) dot = metal::fma(a.query[j], float(key[j]), dot);
      const typename Vectors::Vector tail = from(key, a.tail_offset);
      for (uint j = place.lane; j < a.tail_dim; j += kSimdWidth) dot = metal::fma(a.query_tail[j], float(tail[j]), dot);
      dot = metal::simd_sum(dot);
      if (place.lane == 0) scores[i] = dot * a.scale;
    }
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    // every simdgroup computes the same
    const bool has0 = place.lane < n;
    const bool has1 = place.lane + kSimdWidth < n;
    const float score0 = has0 ? scores[place.lane] : -INFINITY;
    const float score1 = has1 ? scores[place.lane + kSimdWidth] : -INFINITY;
    const float new_maximum = metal::max(maximum, metal::simd_max(metal::max(score0, score1)));
    const float factor = first == 0 ? 0.0f : metal::precise::exp(maximum - new_maximum);
    const float weight0 = has0 ? metal::precise::exp(score0 - new_maximum) : 0.0f;
    const float weight1 = has1 ? metal::precise::exp(score1 - new_maximum) : 0.0f;
    sum = metal::fma(sum, factor, metal::simd_sum(weight0 + weight1));
    maximum = new_maximum;
    if (place.simdgroup == 0) {
      weights[place.lane] = weight0;
      weights[place.lane + kSimdWidth] = weight1;
    }
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    for (uint j = place.thread_index; j < a.value_dim; j += place.n_threads) {
      float value = first == 0 ? 0.0f : out[j] * factor;
      for (uint i = 0; i < n; ++i) {
        value = metal::fma(weights[i], float(a.values.of_row(a.blocks.row(first + i))[j]), value);
      }
      out[j] = value;
    }
  }
  const float inverse = 1.0f / sum;
  for (uint j = place.thread_index; j < a.value_dim; j += place.n_threads) out[j] *= inverse;
}

}  // namespace marlin
