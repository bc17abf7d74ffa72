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

/// A lane's inputs of 8 rows in one chunk: of the row that it has in B fragments, and of the two that it has in sums.
struct LaneInputs {
  const float* chunk;  // of the first row; the others are so many floats from there
  std::uint32_t operand;
  std::uint32_t results[2];

  __device__ LaneInputs(const InputRows& x, std::uint32_t group, std::uint32_t first_chunk)
      : chunk(x.first + std::size_t{first_chunk} * kChunk) {
    const std::uint32_t lane = lane_index();
    operand = place(x, 8 * group + lane / 4);
    results[0] = place(x, 8 * group + 2 * (lane % 4));
    results[1] = place(x, 8 * group + 2 * (lane % 4) + 1);
  }

  __device__ static std::uint32_t place(const InputRows& x, std::uint32_t row) {
    return static_cast<std::uint32_t>(reinterpret_cast<const float*>(packed_chunk(x.row(row), 0)) - x.first);
  }

  [[nodiscard]] __device__ const PackedChunk* at(std::uint32_t offset) const {
    return reinterpret_cast<const PackedChunk*>(chunk + offset);
  }

  __device__ void advance(std::uint32_t n_chunks) { chunk += std::size_t{n_chunks} * kChunk; }

  __device__ void load(uint4 (&fragments)[4]) const {
#pragma unroll
    for (std::uint32_t p = 0; p < 4; ++p) fragments[p] = __ldg(&at(operand)->fragments[p][lane_index() % 4]);
  }

  /// total + scale * strip: elements 0 and 2 of a fragment of sums are of one row, 1 and 3 of the next.
  [[nodiscard]] __device__ float4 add_scaled(float4 total, float4 strip) const {
    const float scale0 = __ldg(&at(results[0])->scale);
    const float scale1 = __ldg(&at(results[1])->scale);
    return make_float4(__fmaf_rn(scale0, strip.x, total.x), __fmaf_rn(scale1, strip.y, total.y),
                       __fmaf_rn(scale0, strip.z, total.z), __fmaf_rn(scale1, strip.w, total.w));
  }
};

/// The strip's sums of 8 rows.
__device__ inline float4 multiply_strip(const std::uint32_t (&a)[kStripTiles][4], const uint4 (&fragments)[4]) {
  float d[4] = {};
#pragma unroll
  for (std::uint32_t p = 0; p < 4; ++p) {
    mma_m16n8k16(d, a[2 * p], {fragments[p].x, fragments[p].y});
    mma_m16n8k16(d, a[2 * p + 1], {fragments[p].z, fragments[p].w});
  }
  return make_float4(d[0], d[1], d[2], d[3]);
}

/// Where strips' sums go: to places of their own (several shares), or they are added up.
struct StripOutput {
  float4* next;              // of the next strip, rows 0..7
  std::uint32_t chunk_step;  // to the place of the next strip
  std::uint32_t group_step;  // to that of the next 8 rows
  bool adds;

  __device__ void take(float4 strip, std::uint32_t group, const LaneInputs& rows, bool is_first) const {
    float4& out = next[group * group_step];
    if (!adds) {
      out = strip;
    } else {
      out = rows.add_scaled(is_first ? make_float4(0.0F, 0.0F, 0.0F, 0.0F) : out, strip);
    }
  }
};

/// One column of the part: this warp's chunks of it, one after the other. What the next strip needs is loaded before
/// one is decoded. Addresses only move on, or the compiler would compute them anew for each strip.
template <std::uint32_t kBits, abi::TrellisCodebook kCodebook>
__device__ inline void multiply_column(const abi::Matrix& matrix, const InputRows& x, std::uint32_t tile_column,
                                       std::uint32_t first_chunk, std::uint32_t n_shares, StripOutput output) {
  const std::uint32_t n_chunks = matrix.stored_in / kChunk;
  const std::uint32_t n_groups = row_groups(x.n);
  const std::uint32_t row_bytes = matrix.stored_out / 16 * tile_bytes(kBits);
  const bool aligned = matrix.weights % 4 == 0;
  const std::uint32_t mask = pair_mask(matrix);
  const TileLane tile_lane(kBits, lane_index());
  const std::byte* strip = address_of(matrix.weights) + std::uint64_t{tile_column} * tile_bytes(kBits) +
                           std::uint64_t{first_chunk * kStripTiles} * row_bytes;
  LaneInputs rows(x, 0, first_chunk);
  StripWords words;
  tile_lane.load(words, strip, row_bytes, aligned);
  for (std::uint32_t chunk = first_chunk;;) {
    uint4 fragments[4];
    rows.load(fragments);
    const std::uint32_t next_chunk = chunk + n_shares;
    strip += std::uint64_t{n_shares * kStripTiles} * row_bytes;
    StripWords next;
    if (next_chunk < n_chunks) tile_lane.load(next, strip, row_bytes, aligned);
    std::uint32_t a[kStripTiles][4];
    decode_strip<kBits, kCodebook>(tile_lane, words, mask, a);
    output.take(multiply_strip(a, fragments), 0, rows, chunk == 0);
#pragma unroll 1
    for (std::uint32_t group = 1; group < n_groups; ++group) {
      const LaneInputs others(x, group, chunk);
      others.load(fragments);
      output.take(multiply_strip(a, fragments), group, others, chunk == 0);
    }
    if (next_chunk >= n_chunks) return;
    words = next;
    chunk = next_chunk;
    rows.advance(n_shares);
    output.next += output.chunk_step;
  }
}

/// Sums of the part in `sums`, or with several shares in strips[chunk][rows / 8][column of the part][lane].
template <std::uint32_t kBits, abi::TrellisCodebook kCodebook>
__device__ inline void multiply_strips(const abi::Matrix& matrix, InputRows x, std::uint32_t block, ProductShare share,
                                       float4* sums, float4* strips) {
  const std::uint32_t n_shares = share.n_shares();
  const std::uint32_t first_chunk = share.warp % n_shares;
  if (first_chunk >= matrix.stored_in / kChunk) return;
  const std::uint32_t group_step = n_shares == 1 ? kFragmentSums : share.n_columns * kWarpSize;
  const std::uint32_t chunk_step = n_shares == 1 ? 0 : row_groups(x.n) * group_step;  // of strips
#pragma unroll 1
  for (std::uint32_t i = share.warp / n_shares; i < share.n_columns; i += share.n_warps / n_shares) {
    const std::uint32_t column = share.first_column + i;
    float4* first = n_shares == 1 ? sums + column * kWarpSize : strips + first_chunk * chunk_step + i * kWarpSize;
    multiply_column<kBits, kCodebook>(matrix, x, kColumns * block + column, first_chunk, n_shares,
                                      {first + lane_index(), n_shares * chunk_step, group_step, n_shares == 1});
  }
}

/// What multiply_strips() with several shares left becomes sums. For the warps that share, behind a barrier.
__device__ inline void add_strips(const abi::Matrix& matrix, const InputRows& x, const ProductShare& share,
                                  float4* sums, const float4* strips) {
  const std::uint32_t n_chunks = matrix.stored_in / kChunk;
  const std::uint32_t n_fragments = row_groups(x.n) * share.n_columns;
  for (std::uint32_t i = share.warp; i < n_fragments; i += share.n_warps) {
    const std::uint32_t group = i / share.n_columns;
    const std::uint32_t column = share.first_column + i % share.n_columns;
    LaneInputs rows(x, group, 0);
    float4 total = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
#pragma unroll 8
    for (std::uint32_t chunk = 0; chunk < n_chunks; ++chunk) {
      total = rows.add_scaled(total, strips[(chunk * n_fragments + i) * kWarpSize + lane_index()]);
      rows.advance(1);
    }
    sums[group * kFragmentSums + column * kWarpSize + lane_index()] = total;
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
