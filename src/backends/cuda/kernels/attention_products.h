// SPDX-License-Identifier: Apache-2.0
// The two products of attention on tensor cores, by the warps of a block: scores of a tile's keys, and sums of its
// values by weight. Each element is summed in the same order whatever the shape of the block.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "backends/cuda/kernels/attention_shape.h"
#include "backends/cuda/kernels/mma.h"
#include "backends/cuda/kernels/split_halves.h"

namespace marlin::cuda {

/// Scores of a tile. The dimensions are cut in two halves, and each is another warp's; the two exchange what they have,
/// so that each completes eight of their sixteen rows.
template <typename Shape>
class ScoreProduct {
 public:
  __device__ ScoreProduct()
      : lane_(threadIdx.x % 32),
        row_tile_(threadIdx.x / 32 / 2 % Shape::kRowTiles),
        part_(threadIdx.x / 32 % 2),
        first_key_(threadIdx.x / 32 / 2 / Shape::kRowTiles * Shape::kSliceKeys) {}

  /// queries: the high halves, and kQueryBytes behind them the low ones. factors: of int8 keys.
  __device__ void multiply(const std::byte* queries, const std::byte* keys, const float* factors) {
#pragma unroll
    for (int n = 0; n < kTiles; ++n) clear(sums_[n]);
    if constexpr (Shape::kInt8) {
      float group[kTiles][4];
#pragma unroll
      for (int n = 0; n < kTiles; ++n) clear(group[n]);
      for (int i = 0; i < Shape::kPartSteps; ++i) {
        const int step = part_ * Shape::kPartSteps + i;
        multiply_step(group, queries, keys, step);
        if (step % 4 == 3 || i + 1 == Shape::kPartSteps) add_group(group, factors + step / 4 * kKeyTile);
      }
    } else {
#pragma unroll 6
      for (int i = 0; i < Shape::kPartSteps; ++i) multiply_step(sums_, queries, keys, part_ * Shape::kPartSteps + i);
    }
  }

  /// Leaves behind the rows that the other warp completes. A barrier later, complete() leaves the scores.
  __device__ void exchange(std::byte* scores) const {
#pragma unroll
    for (int n = 0; n < kTiles; ++n) {
      *score(scores, 1 - part_, n) = half_of(n, 1 - part_);
    }
  }

  __device__ void complete(std::byte* scores) const {
#pragma unroll
    for (int n = 0; n < kTiles; ++n) {
      float2* place = score(scores, part_, n);
      const float2 other = *place;
      const float2 own = half_of(n, part_);
      *place = make_float2(own.x + other.x, own.y + other.y);
    }
  }

 private:
  static constexpr int kTiles = Shape::kSliceKeys / 8;

  __device__ static void clear(float (&sums)[4]) {
#pragma unroll
    for (float& sum : sums) sum = 0.0F;
  }

  /// 16 dimensions: first the high halves of the queries, then the low ones.
  __device__ void multiply_step(float (&sums)[kTiles][4], const std::byte* queries, const std::byte* keys,
                                int step) const {
    std::uint32_t high[4];
    std::uint32_t low[4];
    const std::uint32_t query =
        chunk_offset<Shape::kKeyDim>(row_tile_ * 16 + lane_ % 16, static_cast<std::uint32_t>(step) * 2 + lane_ / 16);
    load_matrices(high, queries + query);
    load_matrices(low, queries + Shape::kQueryBytes + query);
#pragma unroll
    for (int n = 0; n < kTiles; n += 2) {
      std::uint32_t both[4];
      const std::uint32_t key = first_key_ + n * 8 + lane_ % 8 + lane_ / 16 * 8;
      load_matrices(both,
                    keys + chunk_offset<Shape::kKeyDim>(key, static_cast<std::uint32_t>(step) * 2 + lane_ / 8 % 2));
      const std::uint32_t first[2] = {both[0], both[1]};
      const std::uint32_t second[2] = {both[2], both[3]};
      mma_m16n8k16(sums[n], high, first);
      mma_m16n8k16(sums[n + 1], high, second);
      mma_m16n8k16(sums[n], low, first);
      mma_m16n8k16(sums[n + 1], low, second);
    }
  }

  /// Adds what a group of dimensions gave, times the factor of each key, and begins the next.
  __device__ void add_group(float (&group)[kTiles][4], const float* factors) {
#pragma unroll
    for (int n = 0; n < kTiles; ++n) {
      const float2 factor = *reinterpret_cast<const float2*>(factors + first_key_ + n * 8 + lane_ % 4 * 2);
#pragma unroll
      for (int i = 0; i < 4; ++i) sums_[n][i] = __fmaf_rn(group[n][i], i % 2 == 0 ? factor.x : factor.y, sums_[n][i]);
      clear(group[n]);
    }
  }

  /// Of the first eight rows or the last.
  [[nodiscard]] __device__ float2 half_of(int n, std::uint32_t half) const {
    return half == 0 ? make_float2(sums_[n][0], sums_[n][1]) : make_float2(sums_[n][2], sums_[n][3]);
  }

  [[nodiscard]] __device__ float2* score(std::byte* scores, std::uint32_t half, int n) const {
    const std::uint32_t row = row_tile_ * 16 + half * 8 + lane_ / 4;
    return reinterpret_cast<float2*>(scores + row * Shape::kScoreStride + (first_key_ + n * 8 + lane_ % 4 * 2) * 4);
  }

  std::uint32_t lane_;
  std::uint32_t row_tile_;
  std::uint32_t part_;
  std::uint32_t first_key_;
  float sums_[kTiles][4];
};

/// Sums of values, of a span and of all spans so far.
template <typename Shape>
class ValueProduct {
 public:
  static constexpr int kTiles = Shape::kGroupTiles;
  static constexpr int kDimTiles = Shape::kGroupDims / 8;

  __device__ ValueProduct()
      : lane_(threadIdx.x % 32),
        first_row_(threadIdx.x / 32 / Shape::kDimGroups * kTiles * 16),
        first_dim_(threadIdx.x / 32 % Shape::kDimGroups * Shape::kGroupDims) {
    for_each([this](int t, int n, int i) { all_[t][n][i] = 0.0F; });
  }

  /// Whether this warp has a part: of small shapes not all do.
  [[nodiscard]] __device__ bool has_part() const { return first_row_ < Shape::kRows; }

  __device__ void begin_span() {
    for_each([this](int t, int n, int i) { span_[t][n][i] = 0.0F; });
  }

  /// Brings the sums to new maxima; mostly there is none.
  __device__ void rescale(const float* factors) {
    float of_row[kTiles][2];
    bool any = false;
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        of_row[t][half] = factors[row(t, half)];
        any = any || of_row[t][half] != 1.0F;
      }
    }
    if (__any_sync(0xFFFFFFFF, any) == 0) return;
    for_each([&](int t, int n, int i) { span_[t][n][i] *= of_row[t][i / 2]; });
  }

  /// Adds a tile. kDim: of the rows that hold the values; factors: of int8 values.
  template <int kDim>
  __device__ void multiply(const std::byte* weights, const std::byte* values, const float* factors) {
#pragma unroll
    for (int step = 0; step < static_cast<int>(kKeyTile) / 16; ++step) {
      std::uint32_t a[kTiles][4];
#pragma unroll
      for (int t = 0; t < kTiles; ++t) {
        load_matrices(a[t],
                      weights + (first_row_ + t * 16 + lane_ % 16) * Shape::kScoreStride + step * 32 + lane_ / 16 * 16);
        if constexpr (Shape::kInt8) scale_weights(a[t], factors + first_dim_ / 64 * kKeyTile + step * 16);
      }
#pragma unroll
      for (int n = 0; n < kDimTiles; n += 2) {
        std::uint32_t both[4];
        const std::uint32_t chunk = first_dim_ / 8 + n + lane_ / 16;
        load_matrices<true>(both, values + chunk_offset<kDim>(step * 16 + lane_ % 16, chunk));
        const std::uint32_t first[2] = {both[0], both[1]};
        const std::uint32_t second[2] = {both[2], both[3]};
#pragma unroll
        for (int t = 0; t < kTiles; ++t) {
          mma_m16n8k16(span_[t][n], a[t], first);
          mma_m16n8k16(span_[t][n + 1], a[t], second);
        }
      }
    }
  }

  __device__ void join(const JoinFactors* factors) {
    JoinFactors of_row[kTiles][2];
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
#pragma unroll
      for (int half = 0; half < 2; ++half) of_row[t][half] = factors[row(t, half)];
    }
    for_each([&](int t, int n, int i) { all_[t][n][i] = join_value(all_[t][n][i], span_[t][n][i], of_row[t][i / 2]); });
  }

  /// store(row, dimension, sums of the span, sums of all), of two neighbouring dimensions each.
  template <typename Store>
  __device__ void store(Store store) const {
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
#pragma unroll
      for (int n = 0; n < kDimTiles; ++n) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          store(row(t, half), first_dim_ + n * 8 + lane_ % 4 * 2,
                make_float2(span_[t][n][2 * half], span_[t][n][2 * half + 1]),
                make_float2(all_[t][n][2 * half], all_[t][n][2 * half + 1]));
        }
      }
    }
  }

 private:
  template <typename Function>
  __device__ static void for_each(Function function) {
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
#pragma unroll
      for (int n = 0; n < kDimTiles; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) function(t, n, i);
      }
    }
  }

  [[nodiscard]] __device__ std::uint32_t row(int t, int half) const {
    return first_row_ + t * 16 + half * 8 + lane_ / 4;
  }

  /// Weights of 16 keys, times the factors of these.
  __device__ void scale_weights(std::uint32_t (&a)[4], const float* factors) const {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float2 factor = *reinterpret_cast<const float2*>(factors + half * 8 + lane_ % 4 * 2);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float2 weights = __half22float2(half2_of(a[half * 2 + i]));
        a[half * 2 + i] = bits_of(__floats2half2_rn(weights.x * factor.x, weights.y * factor.y));
      }
    }
  }

  std::uint32_t lane_;
  std::uint32_t first_row_;
  std::uint32_t first_dim_;
  float span_[kTiles][kDimTiles][4];
  float all_[kTiles][kDimTiles][4];
};

}  // namespace marlin::cuda
