// SPDX-License-Identifier: Apache-2.0
#include "abi/matrix.h"
#include "backends/cpu/kernels/exl3_instances.h"
#include "backends/cpu/kernels/exl3_sums.h"
#include "backends/cpu/kernels/row_groups.h"
#include "base/error.h"
#include "base/unroll.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/exl3_float_sums.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/cpu/kernels/exl3_prefetch-inl.h"
#include "backends/cpu/kernels/exl3_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

// decode_group's weight j belongs to column half j / 4 and multiplies inputs 4 (j % 4) .. + 3 of the tile's 16 (in tile
// order), repeated over the lanes.

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

/// sums[8 columns] of one row.
template <int K, abi::TrellisCodebook kCodebook>
HWY_NOINLINE void multiply_one_row(const TileGrid& grid, const float* x, float* sums) {
  for (std::size_t run = 0; run < grid.n_runs; ++run) {
    const std::uint8_t* tiles = grid.tiles + run * kRunTiles * grid.row_bytes;
    for (std::size_t column = 0; column < kBlockColumns; ++column) {
      const std::uint8_t* tile = tiles + column * 32 * K;
      if (run + 1 < grid.n_runs) prefetch_run<K>(tile + kRunTiles * grid.row_bytes, grid.row_bytes);
      multiply_run<K, kCodebook, 0>(tile, grid.row_bytes, x + run * kRunInputs, sums + column * kColumnSums);
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

template <int K, abi::TrellisCodebook kCodebook>
void sum_products(const TileGrid& grid, const float* x, std::size_t x_stride, std::uint32_t n_rows, float* sums,
                  std::byte* scratch) {
#if HWY_TARGET != HWY_SSE4  // not worth compiling for the oldest machines
  if (n_rows == 1) return multiply_one_row<K, kCodebook>(grid, x, sums);
#endif
  auto* weights = reinterpret_cast<float*>(scratch);
  for (std::size_t run = 0; run < grid.n_runs; ++run) {
    for (std::size_t column = 0; column < kBlockColumns; ++column) {
      const std::uint8_t* tile = grid.tiles + run * kRunTiles * grid.row_bytes + column * 32 * K;
      decode_run<K, kCodebook>(tile, grid.row_bytes, weights);
      const float* inputs = x + run * kRunInputs;
      float* column_sums = sums + column * n_rows * kColumnSums;
      in_groups_of_rows(n_rows, [&]<int kRows>(std::size_t row) {
        multiply_rows<kRows>(weights, inputs + row * x_stride, x_stride, column_sums + row * kColumnSums);
      });
    }
  }
}

template <abi::TrellisCodebook kCodebook>
Exl3Sums sums_for(std::uint32_t bits) {
  return instance_for_bits(bits, []<int K>() -> Exl3Sums { return sum_products<K, kCodebook>; });
}

Exl3Sums float_sums_target(const abi::Matrix& matrix) {
  if (matrix.codebook == abi::TrellisCodebook::k3Inst) return sums_for<abi::TrellisCodebook::k3Inst>(matrix.bits);
  MARLIN_CHECK(matrix.codebook == abi::TrellisCodebook::kMcg);
  return sums_for<abi::TrellisCodebook::kMcg>(matrix.bits);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin::cpu {

HWY_EXPORT(float_sums_target);

Exl3Sums exl3_float_sums(const abi::Matrix& matrix) { return HWY_DYNAMIC_DISPATCH(float_sums_target)(matrix); }

}  // namespace marlin::cpu
#endif
