// SPDX-License-Identifier: Apache-2.0
// Walks a block of 8 tile columns 8 tiles (128 inputs) at a time, so that memory is read in runs of 8 tiles while the
// sums stay in registers. One row: decode and multiply at once. More rows: decode 8 tiles to scratch once, multiply all
// rows.
#include "backends/cpu/kernels/exl3_block.h"

#include <algorithm>

#include "base/error.h"
#include "base/unroll.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/exl3_block.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/cpu/kernels/exl3_tile-inl.h"
#include "backends/cpu/kernels/hadamard-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

constexpr std::size_t kTileWeights = 256;
constexpr std::size_t kRunTiles = 8;      // tiles of one column handled together: 128 inputs
constexpr std::size_t kBlockColumns = 8;  // tile columns of a block: 128 outputs
constexpr std::size_t kColumnSums = 64;   // partial sums of a row and tile column: 16 outputs in 4 lanes each
constexpr std::size_t kRowSums = kBlockColumns * kColumnSums;

/// Where the tiles of one block lie.
struct TileGrid {
  const std::uint8_t* tiles;  // of the first input row
  std::size_t row_bytes;      // from a tile to the one below it (16 inputs further)
  std::size_t n_runs;         // stored_in / 128
};

// Sums are stored as [tile column][row], those of one row and tile column as [group][column half][lane]; decode_group's
// weight j belongs to half j / 4 and multiplies inputs 4 (j % 4) .. + 3 of the tile's 16 (in tile order), repeated over
// the lanes.

#if HWY_TARGET != HWY_SSE4
template <int K, abi::TrellisCodebook kCodebook, int kGroup>
HWY_INLINE void multiply_run(const std::uint8_t* tile, std::size_t row_bytes, const float* x, float* sums) {
  const TileFloats d;
  float* group_sums = sums + static_cast<std::size_t>(kGroup) * 2 * kTileLanes;
  auto sum0 = hn::Load(d, group_sums);
  auto sum1 = hn::Load(d, group_sums + kTileLanes);
  for (std::size_t i = 0; i < kRunTiles; ++i, tile += row_bytes, x += 16) {
    hn::Vec<TileFloats> w[8];
    decode_group<K, kCodebook, kGroup>(tile, w);
    MARLIN_UNROLL
    for (std::size_t q = 0; q < 4; ++q) {
      const auto inputs = hn::LoadDup128(d, x + 4 * q);
      sum0 = hn::MulAdd(w[q], inputs, sum0);
      sum1 = hn::MulAdd(w[4 + q], inputs, sum1);
    }
  }
  hn::Store(sum0, d, group_sums);
  hn::Store(sum1, d, group_sums + kTileLanes);
  if constexpr (kGroup + 1 < kTileGroups) {
    multiply_run<K, kCodebook, kGroup + 1>(tile - kRunTiles * row_bytes, row_bytes, x - 16 * kRunTiles, sums);
  }
}

template <int K>
HWY_INLINE void prefetch_run(const std::uint8_t* tile, std::size_t row_bytes) {
  for (std::size_t i = 0; i < kRunTiles; ++i, tile += row_bytes) {
    for (int byte = 0; byte < 32 * K; byte += 64) hwy::Prefetch(tile + byte);
  }
}

/// sums[8 columns] of one row.
template <int K, abi::TrellisCodebook kCodebook>
HWY_NOINLINE void multiply_one_row(const TileGrid& grid, const float* x, float* sums) {
  for (std::size_t run = 0; run < grid.n_runs; ++run) {
    const std::uint8_t* tiles = grid.tiles + run * kRunTiles * grid.row_bytes;
    for (std::size_t column = 0; column < kBlockColumns; ++column) {
      const std::uint8_t* tile = tiles + column * 32 * K;
      if (run + 1 < grid.n_runs) prefetch_run<K>(tile + kRunTiles * grid.row_bytes, grid.row_bytes);
      multiply_run<K, kCodebook, 0>(tile, grid.row_bytes, x + run * kHadamardSize, sums + column * kColumnSums);
    }
  }
}
#endif

template <int K, abi::TrellisCodebook kCodebook, int kGroup>
HWY_INLINE void decode_tile_to(const std::uint8_t* tile, float* weights) {
  hn::Vec<TileFloats> w[8];
  decode_group<K, kCodebook, kGroup>(tile, w);
  MARLIN_UNROLL
  for (std::size_t j = 0; j < 8; ++j) {
    hn::Store(w[j], TileFloats(), weights + (static_cast<std::size_t>(kGroup) * 8 + j) * kTileLanes);
  }
  if constexpr (kGroup + 1 < kTileGroups) decode_tile_to<K, kCodebook, kGroup + 1>(tile, weights);
}

/// weights[8 tiles][group][j][lane].
template <int K, abi::TrellisCodebook kCodebook>
HWY_NOINLINE void decode_run(const std::uint8_t* tile, std::size_t row_bytes, float* weights) {
  for (std::size_t i = 0; i < kRunTiles; ++i, tile += row_bytes) {
    decode_tile_to<K, kCodebook, 0>(tile, weights + i * kTileWeights);
  }
}

/// Adds 8 decoded tiles times kRows rows to their sums. kRows and the groups held at once fill the registers.
template <int kRows>
HWY_NOINLINE void multiply_rows(const float* weights, const float* x, std::size_t x_stride, float* sums) {
  const TileFloats d;
  constexpr int kHeld = kTileLanes == 8 ? 1 : 2;
  for (int group = 0; group < kTileGroups; group += kHeld) {
    hn::Vec<TileFloats> sum[kRows][2 * kHeld];
    float* group_sums = sums + static_cast<std::size_t>(group) * 2 * kTileLanes;
    MARLIN_UNROLL
    for (int row = 0; row < kRows; ++row) {
      MARLIN_UNROLL
      for (int i = 0; i < 2 * kHeld; ++i) sum[row][i] = hn::Load(d, group_sums + row * kColumnSums + i * kTileLanes);
    }
    for (std::size_t tile = 0; tile < kRunTiles; ++tile) {
      const float* tile_weights = weights + tile * kTileWeights + static_cast<std::size_t>(group) * 8 * kTileLanes;
      MARLIN_UNROLL
      for (std::size_t q = 0; q < 4; ++q) {
        hn::Vec<TileFloats> inputs[kRows];
        MARLIN_UNROLL
        for (std::size_t row = 0; row < kRows; ++row) {
          inputs[row] = hn::LoadDup128(d, x + row * x_stride + tile * 16 + q * 4);
        }
        MARLIN_UNROLL
        for (int i = 0; i < 2 * kHeld; ++i) {  // group i / 2, column half i % 2: weight j = 4 (i % 2) + q
          const auto w = hn::Load(d, tile_weights + (static_cast<std::size_t>(i) * 4 + q) * kTileLanes);
          MARLIN_UNROLL
          for (int row = 0; row < kRows; ++row) sum[row][i] = hn::MulAdd(w, inputs[row], sum[row][i]);
        }
      }
    }
    MARLIN_UNROLL
    for (int row = 0; row < kRows; ++row) {
      MARLIN_UNROLL
      for (int i = 0; i < 2 * kHeld; ++i) hn::Store(sum[row][i], d, group_sums + row * kColumnSums + i * kTileLanes);
    }
  }
}

HWY_INLINE void multiply_all_rows(const float* weights, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                                  float* sums) {
  std::uint32_t row = 0;
  for (; row + 4 <= n_rows; row += 4) multiply_rows<4>(weights, x + row * x_stride, x_stride, sums + row * kColumnSums);
  x += row * x_stride;
  sums += row * kColumnSums;
  switch (n_rows - row) {
    case 1:
      return multiply_rows<1>(weights, x, x_stride, sums);
    case 2:
      return multiply_rows<2>(weights, x, x_stride, sums);
    case 3:
      return multiply_rows<3>(weights, x, x_stride, sums);
    default:
      return;
  }
}

template <int K, abi::TrellisCodebook kCodebook>
void sum_products(const TileGrid& grid, const float* x, std::size_t x_stride, std::uint32_t n_rows, float* sums,
                  float* weights) {
#if HWY_TARGET != HWY_SSE4  // not worth compiling for the oldest machines
  if (n_rows == 1) return multiply_one_row<K, kCodebook>(grid, x, sums);
#endif
  for (std::size_t run = 0; run < grid.n_runs; ++run) {
    for (std::size_t column = 0; column < kBlockColumns; ++column) {
      const std::uint8_t* tile = grid.tiles + run * kRunTiles * grid.row_bytes + column * 32 * K;
      decode_run<K, kCodebook>(tile, grid.row_bytes, weights);
      multiply_all_rows(weights, x + run * kHadamardSize, x_stride, n_rows, sums + column * n_rows * kColumnSums);
    }
  }
}

using SumProducts = void (*)(const TileGrid&, const float*, std::size_t, std::uint32_t, float*, float*);

template <abi::TrellisCodebook kCodebook>
SumProducts sum_products_for(std::uint32_t bits) {
  static constexpr SumProducts kByBits[8] = {
      sum_products<1, kCodebook>, sum_products<2, kCodebook>, sum_products<3, kCodebook>, sum_products<4, kCodebook>,
      sum_products<5, kCodebook>, sum_products<6, kCodebook>, sum_products<7, kCodebook>, sum_products<8, kCodebook>};
  MARLIN_CHECK(bits >= 1 && bits <= 8);
  return kByBits[bits - 1];
}

SumProducts sum_products_for(const abi::Matrix& matrix) {
  switch (matrix.codebook) {
    case abi::TrellisCodebook::k3Inst:
      return sum_products_for<abi::TrellisCodebook::k3Inst>(matrix.bits);
    case abi::TrellisCodebook::kMcg:
      return sum_products_for<abi::TrellisCodebook::kMcg>(matrix.bits);
    case abi::TrellisCodebook::kMul1:
      return sum_products_for<abi::TrellisCodebook::kMul1>(matrix.bits);
  }
  fail(ErrorCode::kInternal, "unknown codebook {}", static_cast<std::uint32_t>(matrix.codebook));
}

/// Adds up the four lanes of each output, then the output side of the layer: (. Hb) o svh.
void finish_row(const float* sums, std::size_t column_stride, const std::uint8_t* output_scale, float* out) {
  for (std::size_t column = 0; column < kBlockColumns; ++column) {
    const float* column_sums = sums + column * column_stride;
    for (std::size_t quad = 0; quad < kColumnSums / 4; ++quad) {
      const std::size_t group = quad * 4 / (2 * kTileLanes);
      const std::size_t half = quad * 4 / kTileLanes % 2;
      const std::size_t output = group * (kTileLanes / 4) + quad % (kTileLanes / 4) + 8 * half;
      const float* lanes = column_sums + 4 * quad;
      out[column * 16 + output] = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    }
  }
  hadamard128(out);
  const hn::ScalableTag<float> d;
  const auto normalise = hn::Set(d, kHadamardScale);
  for (std::size_t i = 0; i < kHadamardSize; i += hn::Lanes(d)) {
    const auto scale = hn::Mul(load_elements<abi::MatrixFormat::kF16>(d, output_scale + 2 * i), normalise);
    hn::StoreU(hn::Mul(hn::LoadU(d, out + i), scale), d, out + i);
  }
}

void exl3_block_target(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                       std::uint32_t block, float* out, std::byte* scratch) {
  const std::size_t tile_bytes = std::size_t{32} * matrix.bits;
  const TileGrid grid{
      reinterpret_cast<const std::uint8_t*>(matrix.weights) + std::size_t{block} * kBlockColumns * tile_bytes,
      matrix.stored_out / 16 * tile_bytes, matrix.stored_in / kHadamardSize};
  auto* sums = reinterpret_cast<float*>(scratch);
  float* weights = sums + n_rows * kRowSums;
  std::fill(sums, weights, 0.0F);
  sum_products_for(matrix)(grid, x, x_stride, n_rows, sums, weights);
  const auto* output_scale = reinterpret_cast<const std::uint8_t*>(matrix.output_scale) + std::size_t{block} * 256;
  for (std::uint32_t row = 0; row < n_rows; ++row) {
    finish_row(sums + row * kColumnSums, n_rows * kColumnSums, output_scale, out + row * kHadamardSize);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "backends/cpu/kernels/matmul_block.h"

namespace marlin::cpu {

static_assert(kMatmulScratchBytes >= (kBlockRows * 512 + 8 * 256) * sizeof(float));

HWY_EXPORT(exl3_block_target);

void exl3_block(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                std::uint32_t block, float* out, std::byte* scratch) {
  HWY_DYNAMIC_DISPATCH(exl3_block_target)(matrix, x, x_stride, n_rows, block, out, scratch);
}

}  // namespace marlin::cpu
#endif
