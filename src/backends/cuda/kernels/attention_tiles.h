// SPDX-License-Identifier: Apache-2.0
// Attention on tensor cores: a block has up to kRows pairs that share a key head, and walks through their keys tile by
// tile. What decides about bits, see attention_spans.h.
//
// Grid: (tiles of pairs, spans, key heads). One span: a block walks through all spans of its pairs. kMaxSpans: it has
// one, leaves its sums in scratch, and the last block of a tile joins them (attention_join.h). The pairs of a tile are
// taken in runs that also share their sequence and length of spans; for most tiles there is one.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "backends/cuda/kernels/attention_join.h"
#include "backends/cuda/kernels/attention_products.h"
#include "backends/cuda/kernels/attention_shape.h"
#include "backends/cuda/kernels/attention_softmax.h"
#include "backends/cuda/kernels/attention_vectors.h"
#include "backends/cuda/kernels/attention_work.h"
#include "backends/cuda/kernels/kernel_call.h"
#include "backends/cuda/kernels/reduce.h"
#include "backends/cuda/kernels/shared_memory.h"

namespace marlin::cuda {

template <typename Shape>
struct TileVectors {
  using Keys = std::conditional_t<Shape::kInt8, Int8Vectors<Shape::kHead, Shape::kTail>,
                                  HalfVectors<Shape::kHead, Shape::kTail>>;
  using Values = std::conditional_t<Shape::kInt8, Int8Vectors<Shape::kHead, 0>, HalfVectors<Shape::kHead, 0>>;
};

/// Dynamic shared memory of a block.
template <typename Shape>
constexpr std::uint32_t attention_shared_bytes(std::uint32_t vector_bytes) {
  const std::uint32_t keys = TileVectors<Shape>::Keys::shared_bytes(vector_bytes);
  const std::uint32_t values = Shape::kOneCache ? 0 : TileVectors<Shape>::Values::shared_bytes(vector_bytes);
  constexpr std::uint32_t kRowBytes = sizeof(RowNumbers<Shape::kRows>);
  return 2 * Shape::kQueryBytes + Shape::kScoreBytes + kRowBytes + keys + values;
}

/// Shared memory that does not belong to keys and values.
template <typename Shape>
struct TileMemory {
  std::byte* queries = dynamic_shared<std::byte>();
  std::byte* scores = queries + 2 * Shape::kQueryBytes;
  RowNumbers<Shape::kRows>* numbers = reinterpret_cast<RowNumbers<Shape::kRows>*>(scores + Shape::kScoreBytes);
  std::byte* vectors = reinterpret_cast<std::byte*>(numbers + 1);
};

/// Keys and values of a tile, which are the same where values are the keys' first part.
template <typename Shape>
class TileCache {
 public:
  static constexpr bool kUnpacks = TileVectors<Shape>::Keys::kUnpacks;
  static constexpr int kValueRow = Shape::kOneCache ? Shape::kKeyDim : Shape::kHead;  // dimensions

  __device__ TileCache(const AttentionWork& work, std::byte* shared)
      : keys_(work.keys, shared),
        values_(work.values, shared + TileVectors<Shape>::Keys::shared_bytes(work.keys.vector_bytes)) {}

  /// Says which positions are to be copied next.
  __device__ void find_rows(const TilePositions& positions) { rows_.find(positions); }

  __device__ void begin_copy(std::uint32_t turn) {
    keys_.begin_copy(rows_, turn);
    if constexpr (!Shape::kOneCache) values_.begin_copy(rows_, turn);
    end_copy_group();
  }

  __device__ void unpack() const {
    keys_.unpack();
    if constexpr (!Shape::kOneCache) values_.unpack();
  }

  [[nodiscard]] __device__ const std::byte* keys(std::uint32_t turn) const { return keys_.tile(turn); }
  [[nodiscard]] __device__ const float* key_factors() const { return keys_.factors(); }
  [[nodiscard]] __device__ const std::byte* values(std::uint32_t turn) const {
    if constexpr (Shape::kOneCache) return keys_.tile(turn);
    return values_.tile(turn);
  }
  [[nodiscard]] __device__ const float* value_factors() const {
    if constexpr (Shape::kOneCache) return keys_.factors();
    return values_.factors();
  }

 private:
  typename TileVectors<Shape>::Keys keys_;
  typename TileVectors<Shape>::Values values_;
  LaneRows rows_;
};

/// Brings the queries of a run to shared memory, as halves, and fills in what is known of their rows.
template <typename Shape>
__device__ void load_queries(const AttentionWork& work, const PairRun& run, const TileMemory<Shape>& memory) {
  constexpr int kChunks = Shape::kKeyDim / 64;
  const std::uint32_t lane = threadIdx.x % 32;
  for (std::uint32_t row = threadIdx.x / 32; row < Shape::kRows; row += kAttentionWarps) {
    const bool exists = run.first + row < run.end;
    const std::uint32_t token = exists ? (run.first + row) / work.n_heads : 0;
    const std::uint32_t head = exists ? (run.first + row) % work.n_heads : 0;
    float x[kChunks][2];
    float largest = 0.0F;
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      const bool is_head = c * 64 < Shape::kHead;
      const float* from = is_head ? work.query.at(token, head) : work.query_tail.at(token, head);
      const std::uint32_t dim = exists ? (is_head ? work.keys.head_dim : work.keys.tail_dim) : 0;
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const std::uint32_t at = (is_head ? c * 64 : c * 64 - Shape::kHead) + lane * 2 + i;
        x[c][i] = at < dim ? from[at] : 0.0F;
        largest = fmaxf(largest, fabsf(x[c][i]));
      }
    }
    const SplitScale scale = split_scale(warp_max(largest));
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      const SplitPair pair = split_pair(x[c][0], x[c][1], scale.factor);
      std::byte* to = memory.queries + chunk_offset<Shape::kKeyDim>(row, c * 8 + lane / 4) + lane % 4 * 4;
      *reinterpret_cast<std::uint32_t*>(to) = pair.high;
      *reinterpret_cast<std::uint32_t*>(to + Shape::kQueryBytes) = pair.low;
    }
    if (lane == 0) {
      constexpr float kLog2E = 1.44269504F;
      memory.numbers->multiplier[row] = work.scale * kLog2E * scale.inverse;
      memory.numbers->n_positions[row] = exists ? work.places[token].position + 1 : 0;
    }
  }
}

/// Attends to spans first_span .. end_span of a run. A row that has no others gets its result; of the rest the sums go
/// to `partial`.
template <typename Shape>
__device__ void attend_run(const AttentionWork& work, const PairRun& run, std::uint32_t first_span,
                           std::uint32_t end_span, const PartialSums& partial) {
  const TileMemory<Shape> memory;
  TileCache<Shape> cache(work, memory.vectors);
  const CacheBlocks blocks = blocks_of(work.places[run.first / work.n_heads], work.blocks, work.block_shift);
  const std::uint32_t first = first_span * run.span_length;
  const std::uint32_t end = min(run.n_positions, end_span * run.span_length);
  __syncthreads();  // a run before is done with shared memory
  cache.find_rows({blocks, first, end});
  cache.begin_copy(0);
  cache.find_rows({blocks, first + kKeyTile, end});
  load_queries<Shape>(work, run, memory);
  RowSoftmax<Shape> softmax;
  ValueProduct<Shape> sums;
  std::uint32_t turn = 0;
  for (std::uint32_t begin = first; begin < end; begin += kKeyTile) {
    const std::uint32_t next = begin + kKeyTile;
    const bool ends_span = next >= end || next % run.span_length == 0;
    if (begin % run.span_length == 0) {
      softmax.begin_span();
      sums.begin_span();
    }
    wait_for_copies<0>();
    __syncthreads();  // the tile is there, and the one before no longer wanted
    if constexpr (TileCache<Shape>::kUnpacks) cache.unpack();
    if (next < end) cache.begin_copy(turn ^ 1);
    cache.find_rows({blocks, next + kKeyTile, end});
    if constexpr (TileCache<Shape>::kUnpacks) __syncthreads();
    ScoreProduct<Shape> scores;
    scores.multiply(memory.queries, cache.keys(turn), cache.key_factors());
    scores.exchange(memory.scores);
    __syncthreads();
    scores.complete(memory.scores);
    __syncthreads();
    softmax.weigh(memory.scores, *memory.numbers, begin, ends_span);
    __syncthreads();
    if (sums.has_part()) {
      sums.rescale(memory.numbers->rescale);
      sums.template multiply<TileCache<Shape>::kValueRow>(memory.scores, cache.values(turn), cache.value_factors());
      if (ends_span) sums.join(memory.numbers->join);
    }
    turn ^= 1;
  }
  const auto n_spans = [&](std::uint32_t row) { return run.n_spans(memory.numbers->n_positions[row]); };
  const auto is_whole = [&](std::uint32_t row) { return first_span == 0 && n_spans(row) <= end_span; };
  const auto is_partial = [&](std::uint32_t row) { return !is_whole(row) && first_span < n_spans(row); };
  softmax.visit_spans([&](std::uint32_t row, SoftmaxSum span) {
    if (is_partial(row)) *partial.sum(run.first + row, first_span) = span;
  });
  if (!sums.has_part()) return;
  sums.store([&](std::uint32_t row, std::uint32_t dim, float2 span, float2 all) {
    const std::uint32_t pair = run.first + row;
    if (pair >= run.end || dim >= work.values.head_dim) return;
    if (is_partial(row)) {
      *reinterpret_cast<float2*>(partial.values(pair, first_span) + dim) = span;
    } else if (is_whole(row)) {
      const float inverse = memory.numbers->inverse[row];
      *reinterpret_cast<float2*>(work.out.at(pair / work.n_heads, pair % work.n_heads) + dim) =
          make_float2(all.x * inverse, all.y * inverse);
    }
  });
}

/// The work of a block.
template <typename Shape>
__device__ void attend_tile(const AttentionWork& work, const KernelCall& call) {
  const PairTile tile = find_tile(work);
  const bool has_one_span = gridDim.y > 1;
  const std::uint32_t n_spans = most_spans(work, tile);
  if (has_one_span && blockIdx.y >= n_spans) return;
  const PartialSums partial(call.scratch, work.n_pairs(), work.values.head_dim);
  for (PairRun run = {tile.first, tile.first, 0, 1}; run.end < tile.end;) {
    run = find_run(work, run.end, tile.end);
    const std::uint32_t first_span = has_one_span ? blockIdx.y : 0;
    const std::uint32_t end_span = has_one_span ? blockIdx.y + 1 : run.n_spans(run.n_positions);
    if (first_span < run.n_spans(run.n_positions)) attend_run<Shape>(work, run, first_span, end_span, partial);
  }
  if (!has_one_span || n_spans < 2) return;
  if (!is_last_block(call.counters + blockIdx.z * gridDim.x + blockIdx.x, n_spans)) return;
  join_tile<Shape::kRows>(work, tile, partial, *dynamic_shared<JoinNumbers<Shape::kRows>>());
}

}  // namespace marlin::cuda
