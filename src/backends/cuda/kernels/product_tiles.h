// SPDX-License-Identifier: Apache-2.0
// Products of up to 128 rows with a block of 128 outputs of an EXL3 matrix, by a thread block of 8 warps: each decodes
// the strips of one tile column, holds a decoded strip in registers and takes all rows through it. The rows' chunks are
// copied to shared memory while the chunk before is multiplied. For the arithmetic see product_few_rows.h.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "backends/cuda/kernels/async_copy.h"
#include "backends/cuda/kernels/product_few_rows.h"

namespace marlin::cuda {

inline constexpr std::uint32_t kTileRows = 128;
inline constexpr std::uint32_t kTileThreads = 256;

/// A chunk of all rows. The four groups of a row's fragments are swapped in pairs in odd rows, so that the 8 lanes
/// whose loads go together meet all banks.
struct TileStage {
  uint4 fragments[kTileRows][4][4];
  uint4 scales[kTileRows];  // the first float of each
};

/// Double buffered; in the end the sums take their place.
inline constexpr std::uint32_t kTileSharedBytes = 2 * sizeof(TileStage);
static_assert(kTileSharedBytes >= row_groups(kTileRows) * kFragmentBytes);

/// A warp's sums: 16 outputs x 8 rows each.
struct TileSums {
  float rows[kTileRows / 8][4];
};

__device__ inline void copy_stage(const InputRows& x, std::uint32_t chunk, TileStage& stage) {
  const std::uint32_t group = threadIdx.x / 4 % 4;
  const std::uint32_t m = threadIdx.x % 4;
  for (std::uint32_t row = threadIdx.x / 16; row < x.n; row += kTileThreads / 16) {
    copy_async16(&stage.fragments[row][group ^ (row % 2)][m], &packed_chunk(x.row(row), chunk)->fragments[group][m]);
  }
  if (threadIdx.x < x.n) copy_async16(&stage.scales[threadIdx.x], &packed_chunk(x.row(threadIdx.x), chunk)->scale);
  end_copy_group();
}

/// Two groups of 8 rows at a time, so that one's products need not wait for each other.
template <std::uint32_t kGroup>
__device__ inline void multiply_groups(const std::uint32_t (&a)[kStripTiles][4], const TileStage& stage,
                                       TileSums& sums) {
  const std::uint32_t lane = lane_index();
  float d[2][4] = {};
#pragma unroll
  for (std::uint32_t p = 0; p < 4; ++p) {
#pragma unroll
    for (std::uint32_t i = 0; i < 2; ++i) {
      const uint4 b = stage.fragments[8 * (kGroup + i) + lane / 4][p ^ (lane / 4 % 2)][lane % 4];
      mma_m16n8k16(d[i], a[2 * p], {b.x, b.y});
      mma_m16n8k16(d[i], a[2 * p + 1], {b.z, b.w});
    }
  }
#pragma unroll
  for (std::uint32_t i = 0; i < 2; ++i) {
    const std::uint32_t row = 8 * (kGroup + i) + 2 * (lane % 4);
    const float scale0 = __uint_as_float(stage.scales[row].x);
    const float scale1 = __uint_as_float(stage.scales[row + 1].x);
    float(&total)[4] = sums.rows[kGroup + i];
    total[0] = __fmaf_rn(scale0, d[i][0], total[0]);
    total[1] = __fmaf_rn(scale1, d[i][1], total[1]);
    total[2] = __fmaf_rn(scale0, d[i][2], total[2]);
    total[3] = __fmaf_rn(scale1, d[i][3], total[3]);
  }
}

template <std::uint32_t kGroup = 0>
__device__ inline void multiply_rows(const std::uint32_t (&a)[kStripTiles][4], const TileStage& stage,
                                     std::uint32_t n_rows, TileSums& sums) {
  if constexpr (kGroup < kTileRows / 8) {
    if (8 * kGroup >= n_rows) return;
    multiply_groups<kGroup>(a, stage, sums);
    multiply_rows<kGroup + 2>(a, stage, n_rows, sums);
  }
}

/// decode_strip() of a matrix's encoding. Here a branch for each strip is cheap, and code for each encoding is not.
__device__ inline void decode_any_strip(const abi::Matrix& matrix, const TileLane& lane, const StripWords& strip,
                                        std::uint32_t mask, std::uint32_t (&a)[kStripTiles][4]) {
  with_codebook(matrix.codebook, [&]<abi::TrellisCodebook kCodebook>() {
    with_bits(matrix.bits, [&]<std::uint32_t kBits>() { decode_strip<kBits, kCodebook>(lane, strip, mask, a); });
  });
}

/// The sums of all rows, as in product_few_rows.h, in the dynamic shared memory where the stages are before. For all
/// threads of the block; ends with a barrier.
__device__ inline void multiply_tile(const abi::Matrix& matrix, const InputRows& x, std::uint32_t block) {
  const TileLane tile_lane(matrix.bits, lane_index());
  const std::uint32_t row_bytes = matrix.stored_out / 16 * tile_bytes(matrix.bits);
  const bool aligned = matrix.weights % 4 == 0;
  const std::uint32_t mask = pair_mask(matrix);
  const std::byte* strip =
      address_of(matrix.weights) + std::uint64_t{kColumns * block + warp_index()} * tile_bytes(matrix.bits);
  const std::uint32_t n_chunks = matrix.stored_in / kChunk;
  auto* stages = dynamic_shared<TileStage>();
  TileSums sums = {};
  StripWords words;
  tile_lane.load(words, strip, row_bytes, aligned);
  copy_stage(x, 0, stages[0]);
  for (std::uint32_t chunk = 0; chunk < n_chunks; ++chunk) {
    std::uint32_t a[kStripTiles][4];
    decode_any_strip(matrix, tile_lane, words, mask, a);
    strip += std::uint64_t{kStripTiles} * row_bytes;
    if (chunk + 1 < n_chunks) tile_lane.load(words, strip, row_bytes, aligned);
    wait_for_copies<0>();
    __syncthreads();  // this chunk is there, and nobody reads the one before any more
    if (chunk + 1 < n_chunks) copy_stage(x, chunk + 1, stages[(chunk + 1) % 2]);
    multiply_rows(a, stages[chunk % 2], x.n, sums);
  }
  __syncthreads();
  auto* out = dynamic_shared<float4>() + warp_index() * kWarpSize + lane_index();
#pragma unroll
  for (std::uint32_t group = 0; group < kTileRows / 8; ++group) {
    const float(&s)[4] = sums.rows[group];
    if (8 * group < x.n) out[group * kFragmentSums] = make_float4(s[0], s[1], s[2], s[3]);
  }
  __syncthreads();
}

}  // namespace marlin::cuda
