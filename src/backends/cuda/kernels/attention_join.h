// SPDX-License-Identifier: Apache-2.0
// How the pairs of an attention launch are divided among blocks, and how the sums that blocks leave for spans of the
// same pair become its result.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "backends/cuda/kernels/attention_shape.h"
#include "backends/cuda/kernels/attention_spans.h"
#include "backends/cuda/kernels/attention_work.h"

namespace marlin::cuda {

/// Pairs first .. end.
struct PairTile {
  std::uint32_t first;
  std::uint32_t end;
};

/// The pairs of this block. The last come first: in a prompt they have most to do.
__device__ inline PairTile find_tile(const AttentionWork& work) {
  const std::uint32_t n_pairs = work.n_pairs();
  const std::uint32_t per_tile = (n_pairs + gridDim.x - 1) / gridDim.x;
  const std::uint32_t first = min(n_pairs, (gridDim.x - 1 - blockIdx.x) * per_tile);
  return {first, min(n_pairs, first + per_tile)};
}

/// Pairs of a tile whose rows are of one sequence and have spans of one length.
struct PairRun {
  std::uint32_t first;
  std::uint32_t end;
  std::uint32_t n_positions;  // that some row of them sees
  std::uint32_t span_length;

  [[nodiscard]] __device__ std::uint32_t n_spans(std::uint32_t of_positions) const {
    return span_count(of_positions, span_length);
  }
};

/// The run that begins with pair `first`.
__device__ inline PairRun find_run(const AttentionWork& work, std::uint32_t first, std::uint32_t end) {
  const std::uint32_t row = first / work.n_heads;
  const abi::RowPlace place = work.places[row];
  PairRun run = {first, (row + 1) * work.n_heads, place.position + 1, span_length(place.position + 1)};
  for (std::uint32_t next = row + 1; run.end < end; ++next, run.end += work.n_heads) {
    const abi::RowPlace other = work.places[next];
    if (other.first_block != place.first_block || span_length(other.position + 1) != run.span_length) break;
    run.n_positions = max(run.n_positions, other.position + 1);
  }
  run.end = min(run.end, end);
  return run;
}

/// Spans of the row of a pair.
__device__ inline std::uint32_t spans_of_pair(const AttentionWork& work, std::uint32_t pair) {
  const std::uint32_t n_positions = work.places[pair / work.n_heads].position + 1;
  return span_count(n_positions, span_length(n_positions));
}

/// The most spans that a row of a tile has.
__device__ inline std::uint32_t most_spans(const AttentionWork& work, PairTile tile) {
  std::uint32_t result = 0;
  for (std::uint32_t row = tile.first / work.n_heads; row * work.n_heads < tile.end; ++row) {
    result = max(result, spans_of_pair(work, row * work.n_heads));
  }
  return result;
}

/// Of the scratch of PartialSums, for the pairs of all key heads.
constexpr std::uint64_t partial_sum_bytes(std::uint64_t n_pairs, std::uint32_t dim) {
  return n_pairs * kMaxSpans * (dim * sizeof(float) + sizeof(SoftmaxSum));
}

/// What blocks leave in scratch: for every pair and span its weighted values, then for each its SoftmaxSum.
class PartialSums {
 public:
  /// For key head blockIdx.z.
  __device__ PartialSums(std::byte* scratch, std::uint32_t n_pairs, std::uint32_t dim)
      : first_(std::uint64_t{blockIdx.z} * n_pairs),
        dim_(dim),
        values_(reinterpret_cast<float*>(scratch)),
        sums_(reinterpret_cast<SoftmaxSum*>(values_ + std::uint64_t{gridDim.z} * n_pairs * kMaxSpans * dim)) {}

  [[nodiscard]] __device__ float* values(std::uint32_t pair, std::uint32_t span) const {
    return values_ + place(pair, span) * dim_;
  }
  [[nodiscard]] __device__ SoftmaxSum* sum(std::uint32_t pair, std::uint32_t span) const {
    return sums_ + place(pair, span);
  }

 private:
  [[nodiscard]] __device__ std::uint64_t place(std::uint32_t pair, std::uint32_t span) const {
    return (first_ + pair) * kMaxSpans + span;
  }

  std::uint64_t first_;
  std::uint32_t dim_;
  float* values_;
  SoftmaxSum* sums_;
};

/// Whether this block is the last of n_blocks to arrive, and so sees what all of them wrote. Leaves the counter at 0.
__device__ inline bool is_last_block(std::uint32_t* counter, std::uint32_t n_blocks) {
  __shared__ std::uint32_t n_before;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) n_before = atomicAdd(counter, 1U);
  __syncthreads();
  if (n_before + 1 < n_blocks) return false;
  __threadfence();
  if (threadIdx.x == 0) *counter = 0;
  return true;
}

/// Shared memory of join_tile.
template <int kRows>
struct JoinNumbers {
  JoinFactors factors[kRows][kMaxSpans];
  float inverse[kRows];
};

/// Joins the spans of the pairs of a tile that have more than one.
template <int kRows>
__device__ void join_tile(const AttentionWork& work, PairTile tile, const PartialSums& partial,
                          JoinNumbers<kRows>& numbers) {
  const std::uint32_t n_pairs = tile.end - tile.first;
  __syncthreads();
  if (threadIdx.x < n_pairs) {
    const std::uint32_t pair = tile.first + threadIdx.x;
    const std::uint32_t n_spans = spans_of_pair(work, pair);
    SoftmaxSum spans[kMaxSpans];
#pragma unroll
    for (std::uint32_t s = 0; s < kMaxSpans; ++s) {
      if (s >= n_spans) continue;
      const float2 stored = __ldcg(reinterpret_cast<const float2*>(partial.sum(pair, s)));
      spans[s] = {stored.x, stored.y};
    }
    SoftmaxSum all;
#pragma unroll
    for (std::uint32_t s = 0; s < kMaxSpans; ++s) {
      if (s < n_spans) numbers.factors[threadIdx.x][s] = join_span(all, spans[s]);
    }
    numbers.inverse[threadIdx.x] = 1.0F / all.sum;
  }
  __syncthreads();
  const std::uint32_t dim = work.values.head_dim;
  for (std::uint32_t i = threadIdx.x * 4; i < n_pairs * dim; i += kAttentionThreads * 4) {
    const std::uint32_t row = i / dim;
    const std::uint32_t pair = tile.first + row;
    const std::uint32_t n_spans = spans_of_pair(work, pair);
    if (n_spans < 2) continue;
    float4 all = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
#pragma unroll 8
    for (std::uint32_t s = 0; s < n_spans; ++s) {
      const float4 span = __ldcg(reinterpret_cast<const float4*>(partial.values(pair, s) + i % dim));
      const JoinFactors factors = numbers.factors[row][s];
      all = make_float4(join_value(all.x, span.x, factors), join_value(all.y, span.y, factors),
                        join_value(all.z, span.z, factors), join_value(all.w, span.w, factors));
    }
    const float inverse = numbers.inverse[row];
    *reinterpret_cast<float4*>(work.out.at(pair / work.n_heads, pair % work.n_heads) + i % dim) =
        make_float4(all.x * inverse, all.y * inverse, all.z * inverse, all.w * inverse);
  }
}

}  // namespace marlin::cuda
