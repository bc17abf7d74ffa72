// SPDX-License-Identifier: Apache-2.0
// Products of up to 32 rows with 128 outputs of a matrix of any format (a block of outputs), or with a part of them:
// tile columns first_column .. + n_columns of the 8. Some or all warps of a thread block share the work: one multiplies
// strips (exl3_tile.h) of one column and every n-th chunk of inputs.
//
// The arithmetic of an EXL3 product, here and in product_tiles.h: float32 sums over the 8 tiles of a strip, in order,
// and total = fma(scale of the row's chunk, strip's sum, total) chunk after chunk. Who computes a strip is free, so
// that a row has the same bits in any variant and with any company.
//
// Sums lie in shared memory as fragments, sums[rows / 8][column][lane], and sum_index() knows where one is.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "backends/cuda/kernels/exl3_tile.h"
#include "backends/cuda/kernels/mma.h"
#include "backends/cuda/kernels/product_plain.h"
#include "backends/cuda/kernels/weights.h"

namespace marlin::cuda {

inline constexpr std::uint32_t kFewRows = 32;
inline constexpr std::uint32_t kColumns = kChunk / 16;                // tile columns of a block of outputs
inline constexpr std::uint32_t kFragmentSums = kColumns * kWarpSize;  // float4 of 8 rows
inline constexpr std::uint32_t kFragmentBytes = kFragmentSums * sizeof(float4);

/// Groups of 8 rows.
MARLIN_HOST_DEVICE constexpr std::uint32_t row_groups(std::uint32_t n_rows) { return (n_rows + 7) / 8; }

/// Where the sum of a row and an output of the block is, in floats.
__device__ inline std::uint32_t sum_index(std::uint32_t row, std::uint32_t output) {
  const std::uint32_t fragment = row / 8 * kFragmentSums + output / 16 * kWarpSize + output % 8 * 4 + row % 8 / 2;
  return 4 * fragment + output / 8 % 2 * 2 + row % 2;
}

/// Sums of outputs 4 lane .. + 3 of the block.
__device__ inline float4 row_sums(const float4* sums, std::uint32_t row) {
  const auto* values = reinterpret_cast<const float*>(sums);
  const std::uint32_t first = 4 * lane_index();
  return make_float4(values[sum_index(row, first)], values[sum_index(row, first + 1)],
                     values[sum_index(row, first + 2)], values[sum_index(row, first + 3)]);
}

/// How warps share one matrix, of which they have a part of the tile columns.
struct ProductShare {
  std::uint32_t warp;  // of n_warps, 4 or 8
  std::uint32_t n_warps;
  std::uint32_t first_column;
  std::uint32_t n_columns;

  /// Warps on the same column; if more than one, they leave strips' sums for add_strips().
  [[nodiscard]] MARLIN_HOST_DEVICE std::uint32_t n_shares() const {
    return n_columns < n_warps ? n_warps / n_columns : 1;
  }
  /// Bytes of these sums.
  [[nodiscard]] MARLIN_HOST_DEVICE std::uint64_t strip_bytes(std::uint32_t n_chunks, std::uint32_t n_groups) const {
    return n_shares() == 1 ? 0 : std::uint64_t{n_chunks} * n_columns * n_groups * kWarpSize * sizeof(float4);
  }
};

/// The B fragments of a strip for 8 rows, and what multiplies the sums of the two rows that are this lane's.
struct StripInputs {
  uint4 fragments[4];
  float scale[2];
};

__device__ inline StripInputs load_inputs(const InputRows& x, std::uint32_t group, std::uint32_t chunk) {
  const std::uint32_t lane = lane_index();
  StripInputs inputs;
  const PackedChunk* own = packed_chunk(x.row(8 * group + lane / 4), chunk);
#pragma unroll
  for (std::uint32_t p = 0; p < 4; ++p) inputs.fragments[p] = own->fragments[p][lane % 4];
#pragma unroll
  for (std::uint32_t i = 0; i < 2; ++i) {
    inputs.scale[i] = packed_chunk(x.row(8 * group + 2 * (lane % 4) + i), chunk)->scale;
  }
  return inputs;
}

/// d: the strip's sums of 8 rows.
__device__ inline void multiply_strip(const std::uint32_t (&a)[kStripTiles][4], const uint4 (&fragments)[4],
                                      float (&d)[4]) {
  d[0] = d[1] = d[2] = d[3] = 0.0F;
#pragma unroll
  for (std::uint32_t p = 0; p < 4; ++p) {
    mma_m16n8k16(d, a[2 * p], {fragments[p].x, fragments[p].y});
    mma_m16n8k16(d, a[2 * p + 1], {fragments[p].z, fragments[p].w});
  }
}

/// Elements 0 and 2 of a fragment of sums are of one row, 1 and 3 of the next.
__device__ inline float4 add_scaled(float4 total, float4 strip, float scale0, float scale1) {
  return make_float4(__fmaf_rn(scale0, strip.x, total.x), __fmaf_rn(scale1, strip.y, total.y),
                     __fmaf_rn(scale0, strip.z, total.z), __fmaf_rn(scale1, strip.w, total.w));
}

/// Adds to `sums`, or with several shares stores in strips[chunk][rows / 8][column of the part][lane].
template <std::uint32_t kBits, abi::TrellisCodebook kCodebook>
__device__ inline void multiply_strips(const abi::Matrix& matrix, InputRows x, std::uint32_t block, ProductShare share,
                                       float4* sums, float4* strips) {
  const std::uint32_t lane = lane_index();
  const std::uint32_t n_chunks = matrix.stored_in / kChunk;
  const std::uint32_t n_groups = row_groups(x.n);
  const std::uint32_t n_shares = share.n_shares();
  const std::uint32_t first_chunk = share.warp % n_shares;
  if (first_chunk >= n_chunks) return;
  const TileLane<kBits> tile_lane(lane);
  const std::uint64_t row_bytes = std::uint64_t{matrix.stored_out / 16} * TileLane<kBits>::kTileBytes;
  const bool aligned = matrix.weights % 4 == 0;
  const std::byte* tiles =
      address_of(matrix.weights) + std::uint64_t{kColumns * block + share.first_column} * TileLane<kBits>::kTileBytes;
  const auto strip = [&](std::uint32_t column, std::uint32_t chunk) {
    return tiles + chunk * kStripTiles * row_bytes + column * TileLane<kBits>::kTileBytes;
  };
  std::uint32_t column = share.warp / n_shares;
  std::uint32_t chunk = first_chunk;
  StripWords<kBits> next;
  if (column < share.n_columns) tile_lane.load(next, strip(column, chunk), row_bytes, aligned);
  while (column < share.n_columns) {
    const StripWords<kBits> words = next;
    const std::uint32_t this_column = column;
    const std::uint32_t this_chunk = chunk;
    chunk += n_shares;
    if (chunk >= n_chunks) {
      chunk = first_chunk;
      column += share.n_warps / n_shares;
    }
    StripInputs inputs = load_inputs(x, 0, this_chunk);
    if (column < share.n_columns) tile_lane.load(next, strip(column, chunk), row_bytes, aligned);
    std::uint32_t a[kStripTiles][4];
    decode_strip<kBits, kCodebook>(tile_lane, words, a);
    for (std::uint32_t group = 0; group < n_groups; ++group) {
      if (group > 0) inputs = load_inputs(x, group, this_chunk);
      float d[4];
      multiply_strip(a, inputs.fragments, d);
      const float4 strip_sums = make_float4(d[0], d[1], d[2], d[3]);
      if (n_shares > 1) {
        strips[((this_chunk * n_groups + group) * share.n_columns + this_column) * kWarpSize + lane] = strip_sums;
      } else {
        float4* total = sums + group * kFragmentSums + (share.first_column + this_column) * kWarpSize + lane;
        const float4 before = this_chunk == 0 ? make_float4(0.0F, 0.0F, 0.0F, 0.0F) : *total;
        *total = add_scaled(before, strip_sums, inputs.scale[0], inputs.scale[1]);
      }
    }
  }
}

/// What multiply_strips() with several shares left becomes sums. For the warps that share, behind a barrier.
__device__ inline void add_strips(const abi::Matrix& matrix, const InputRows& x, const ProductShare& share,
                                  float4* sums, const float4* strips) {
  const std::uint32_t n_chunks = matrix.stored_in / kChunk;
  const std::uint32_t n_fragments = row_groups(x.n) * share.n_columns;
  const std::uint32_t lane = lane_index();
  for (std::uint32_t i = share.warp; i < n_fragments; i += share.n_warps) {
    const std::uint32_t group = i / share.n_columns;
    const float* row0 = x.row(8 * group + 2 * (lane % 4));
    const float* row1 = x.row(8 * group + 2 * (lane % 4) + 1);
    float4 total = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
#pragma unroll 8
    for (std::uint32_t chunk = 0; chunk < n_chunks; ++chunk) {
      total = add_scaled(total, strips[(chunk * n_fragments + i) * kWarpSize + lane], packed_chunk(row0, chunk)->scale,
                         packed_chunk(row1, chunk)->scale);
    }
    sums[group * kFragmentSums + (share.first_column + i % share.n_columns) * kWarpSize + lane] = total;
  }
}

/// The outputs of the part, of a plain matrix.
__device__ inline void multiply_plain_part(const abi::Matrix& matrix, const InputRows& x, std::uint32_t block,
                                           const ProductShare& share, float4* sums) {
  const std::uint32_t begin = kChunk * block + 16 * share.first_column;
  const std::uint32_t end = min(begin + 16 * share.n_columns, matrix.n_out);
  const auto store = [&](std::uint32_t row, std::uint32_t output, float sum) {
    reinterpret_cast<float*>(sums)[sum_index(row, output % kChunk)] = sum;
  };
  if (x.n == 1) {
    for (std::uint32_t o = begin + share.warp; o < end; o += share.n_warps)
      multiply_plain<1, 1>(matrix, x, 0, o, store);
    return;
  }
  for (std::uint32_t row = 0; row < x.n; row += 8) {
    for (std::uint32_t o = begin + 4 * share.warp; o < end; o += 4 * share.n_warps) {
      multiply_plain<4, 8>(matrix, x, row, o, store);
    }
  }
}

}  // namespace marlin::cuda
