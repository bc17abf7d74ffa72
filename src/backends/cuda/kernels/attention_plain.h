// SPDX-License-Identifier: Apache-2.0
// Attention of one query by a block, in float throughout: for caches and dimensions that the tile kernels do not take.
// It is there to be right, not fast. The weighted sums live in `out`, so that any dimension will do.
//
// Grid: (rows, heads). Keys are taken kKeyTile at a time from position 0 on, with a running maximum.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "backends/cuda/kernels/attention_shape.h"
#include "backends/cuda/kernels/attention_spans.h"
#include "backends/cuda/kernels/attention_work.h"
#include "backends/cuda/kernels/reduce.h"

namespace marlin::cuda {

/// Number i of a vector as stored.
template <abi::MatrixFormat kFormat>
__device__ float cached_number(const std::byte* vector, std::uint32_t n_numbers, std::uint32_t i) {
  if constexpr (kFormat == abi::MatrixFormat::kF32) {
    return reinterpret_cast<const float*>(vector)[i];
  } else if constexpr (kFormat == abi::MatrixFormat::kF16) {
    return __half2float(reinterpret_cast<const __half*>(vector)[i]);
  } else {
    const float scale = reinterpret_cast<const float*>(vector + n_numbers)[i / abi::kScaleGroup];
    return static_cast<float>(reinterpret_cast<const std::int8_t*>(vector)[i]) * scale;
  }
}

/// Score of one key, times `multiplier`, by a warp: the same in all lanes.
template <abi::MatrixFormat kFormat>
__device__ float score_key(const AttentionWork& work, const float* query, const float* tail, const std::byte* key,
                           float multiplier) {
  const CachedVectors& keys = work.keys;
  float dot = 0.0F;
  for (std::uint32_t i = threadIdx.x % 32; i < keys.head_dim; i += 32) {
    dot = __fmaf_rn(query[i], cached_number<kFormat>(key, keys.n_numbers, i), dot);
  }
  for (std::uint32_t i = threadIdx.x % 32; i < keys.tail_dim; i += 32) {
    dot = __fmaf_rn(tail[i], cached_number<kFormat>(key, keys.n_numbers, keys.tail_at + i), dot);
  }
  return warp_sum(dot) * multiplier;
}

/// A tile's scores become weights; every warp computes the same. Returns what sums so far are multiplied by.
__device__ inline float weigh_scores(const float* scores, std::uint32_t n, float (&weights)[2], SoftmaxSum& all) {
  const std::uint32_t lane = threadIdx.x % 32;
  float maximum = all.maximum;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    weights[i] = lane + i * 32 < n ? scores[lane + i * 32] : -INFINITY;
    maximum = fmaxf(maximum, weights[i]);
  }
  maximum = warp_reduce(maximum, HigherScore{});
  const float reference = softmax_reference(maximum);
  const float rescale = exp2f(all.maximum - reference);
#pragma unroll
  for (float& weight : weights) weight = exp2f(weight - reference);
  all = {maximum, __fmaf_rn(all.sum, rescale, warp_sum(weights[0] + weights[1]))};
  return rescale;
}

template <abi::MatrixFormat kFormat>
__device__ void attend_plain(const AttentionWork& work, std::uint32_t row, std::uint32_t head) {
  __shared__ float scores[kKeyTile];
  __shared__ float weights[kKeyTile];
  const std::uint32_t warp = threadIdx.x / 32;
  const std::uint32_t n_positions = work.places[row].position + 1;
  const CacheBlocks blocks = blocks_of(work.places[row], work.blocks, work.block_shift);
  const float* query = work.query.at(row, head);
  const float* tail = work.query_tail.at(row, head);
  float* out = work.out.at(row, head);
  constexpr float kLog2E = 1.44269504F;
  SoftmaxSum all;
  for (std::uint32_t first = 0; first < n_positions; first += kKeyTile) {
    const std::uint32_t n = min(kKeyTile, n_positions - first);
    for (std::uint32_t i = warp; i < n; i += kAttentionWarps) {
      const std::byte* key = work.keys.first + blocks.row(first + i) * work.keys.row_bytes;
      const float score = score_key<kFormat>(work, query, tail, key, work.scale * kLog2E);
      if (threadIdx.x % 32 == 0) scores[i] = score;
    }
    __syncthreads();
    float own[2];
    const float rescale = weigh_scores(scores, n, own, all);
    if (warp == 0) {
      weights[threadIdx.x] = own[0];
      weights[threadIdx.x + 32] = own[1];
    }
    __syncthreads();
    for (std::uint32_t dim = threadIdx.x; dim < work.values.head_dim; dim += kAttentionThreads) {
      float sum = first == 0 ? 0.0F : out[dim] * rescale;
      for (std::uint32_t i = 0; i < n; ++i) {
        const std::byte* value = work.values.first + blocks.row(first + i) * work.values.row_bytes;
        sum = __fmaf_rn(weights[i], cached_number<kFormat>(value, work.values.n_numbers, dim), sum);
      }
      out[dim] = sum;
    }
  }
  const float inverse = 1.0F / all.sum;
  for (std::uint32_t dim = threadIdx.x; dim < work.values.head_dim; dim += kAttentionThreads) out[dim] *= inverse;
}

}  // namespace marlin::cuda
