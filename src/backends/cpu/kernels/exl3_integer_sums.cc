// SPDX-License-Identifier: Apache-2.0
#include "abi/matrix.h"
#include "backends/cpu/kernels/exl3_instances.h"
#include "backends/cpu/kernels/exl3_integers.h"
#include "backends/cpu/kernels/exl3_sums.h"
#include "backends/cpu/kernels/row_groups.h"
#include "backends/cpu/simd.h"
#include "base/unroll.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/exl3_integer_sums.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/cpu/kernels/exl3_byte_sums-inl.h"
#include "backends/cpu/kernels/exl3_prefetch-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

// Pairs i of a lane belong to column half i / 2 and multiply inputs 8 (i % 2) .. + 7 of the tile's 16, a word of two
// for each of four lanes, repeated.

HWY_INLINE void add_scaled_sums(hn::Vec<TileSums> products, hn::Vec<TileFloats> scale, float* sums) {
  const TileFloats d;
  hn::Store(hn::MulAdd(hn::ConvertTo(d, products), scale, hn::Load(d, sums)), d, sums);
}

#if HWY_TARGET != HWY_SSE4
template <int K, bool kVnni, int kGroup>
HWY_INLINE void multiply_tile(const std::uint8_t* tile, const std::int16_t* x, hn::Vec<TileSums> (*products)[2]) {
  hn::Vec<TilePairs> b[4];
  decode_byte_sums<K, kGroup>(tile, b);
  MARLIN_UNROLL
  for (std::size_t q = 0; q < 2; ++q) {
    const auto inputs = hn::LoadDup128(TilePairs(), x + 8 * q);
    products[kGroup][0] = multiply_pairs<kVnni>(b[q], inputs, products[kGroup][0]);
    products[kGroup][1] = multiply_pairs<kVnni>(b[2 + q], inputs, products[kGroup][1]);
  }
  if constexpr (kGroup + 1 < kTileGroups) multiply_tile<K, kVnni, kGroup + 1>(tile, x, products);
}

template <int K, bool kVnni>
HWY_INLINE void multiply_run(const std::uint8_t* tile, std::size_t row_bytes, const IntegerRun& run, float* sums) {
  hn::Vec<TileSums> products[kTileGroups][2];
  MARLIN_UNROLL
  for (auto& each : products) each[0] = each[1] = hn::LoadDup128(TileSums(), run.centring);
  for (std::size_t i = 0; i < kRunTiles; ++i, tile += row_bytes) {
    prefetch_tile<K>(tile + kRunTiles * row_bytes);  // one by one: a run at once would hold up the loads of this one
    multiply_tile<K, kVnni, 0>(tile, run.x + 16 * i, products);
  }
  const auto scale = hn::Set(TileFloats(), run.scale);
  MARLIN_UNROLL
  for (int group = 0; group < kTileGroups; ++group) {
    float* group_sums = sums + static_cast<std::size_t>(group) * 2 * kTileLanes;
    add_scaled_sums(products[group][0], scale, group_sums);
    add_scaled_sums(products[group][1], scale, group_sums + kTileLanes);
  }
}

/// sums[8 columns] of one row.
template <int K, bool kVnni>
HWY_NOINLINE void multiply_one_row(const TileGrid& grid, const float* x, float* sums) {
  for (std::size_t run = 0; run < grid.n_runs; ++run) {
    const std::uint8_t* tiles = grid.tiles + run * kRunTiles * grid.row_bytes;
    IntegerRun inputs;
    copy_integer_run(x, run, inputs);
    for (std::size_t column = 0; column < kBlockColumns; ++column) {
      const std::uint8_t* tile = tiles + column * 32 * K;
      multiply_run<K, kVnni>(tile, grid.row_bytes, inputs, sums + column * kColumnSums);
    }
  }
}
#endif

template <int K, int kGroup>
HWY_INLINE void decode_tile_to(const std::uint8_t* tile, std::int16_t* weights) {
  hn::Vec<TilePairs> b[4];
  decode_byte_sums<K, kGroup>(tile, b);
  const TilePairs d;
  MARLIN_UNROLL
  for (std::size_t i = 0; i < 4; ++i) {
    const auto centred = hn::Sub(b[i], hn::Set(d, static_cast<std::int16_t>(kByteSumCentre)));
    hn::Store(centred, d, weights + (static_cast<std::size_t>(kGroup) * 4 + i) * 2 * kTileLanes);
  }
  if constexpr (kGroup + 1 < kTileGroups) decode_tile_to<K, kGroup + 1>(tile, weights);
}

/// weights[8 tiles][group][pair][lane][2], centred.
template <int K>
HWY_NOINLINE void decode_run(const std::uint8_t* tile, std::size_t row_bytes, std::int16_t* weights) {
  for (std::size_t i = 0; i < kRunTiles; ++i, tile += row_bytes) {
    decode_tile_to<K, 0>(tile, weights + i * kTileWeights);
  }
}

/// Adds 8 decoded tiles times kRows rows to their sums. kRows and the groups held at once fill the registers.
template <bool kVnni, int kRows>
HWY_NOINLINE void multiply_rows(const std::int16_t* weights, const IntegerRun* runs, float* sums) {
  const TilePairs d;
  constexpr int kHeld = kTileLanes == 8 ? 1 : 2;
  for (int group = 0; group < kTileGroups; group += kHeld) {
    hn::Vec<TileSums> products[kRows][2 * kHeld];
    MARLIN_UNROLL
    for (auto& row : products) {
      MARLIN_UNROLL
      for (auto& each : row) each = hn::Zero(TileSums());
    }
    for (std::size_t tile = 0; tile < kRunTiles; ++tile) {
      const std::int16_t* tile_weights =
          weights + tile * kTileWeights + static_cast<std::size_t>(group) * 4 * 2 * kTileLanes;
      MARLIN_UNROLL
      for (std::size_t q = 0; q < 2; ++q) {
        hn::Vec<TilePairs> inputs[kRows];
        MARLIN_UNROLL
        for (std::size_t row = 0; row < kRows; ++row) {
          inputs[row] = hn::LoadDup128(d, runs[row].x + tile * 16 + q * 8);
        }
        MARLIN_UNROLL
        for (int i = 0; i < 2 * kHeld; ++i) {  // group i / 2, column half i % 2
          const auto w = hn::Load(d, tile_weights + (static_cast<std::size_t>(i) * 2 + q) * 2 * kTileLanes);
          MARLIN_UNROLL
          for (int row = 0; row < kRows; ++row) {
            products[row][i] = multiply_pairs<kVnni>(w, inputs[row], products[row][i]);
          }
        }
      }
    }
    float* group_sums = sums + static_cast<std::size_t>(group) * 2 * kTileLanes;
    MARLIN_UNROLL
    for (std::size_t row = 0; row < kRows; ++row) {
      const auto scale = hn::Set(TileFloats(), runs[row].scale);
      MARLIN_UNROLL
      for (int i = 0; i < 2 * kHeld; ++i) {
        add_scaled_sums(products[row][i], scale, group_sums + row * kColumnSums + i * kTileLanes);
      }
    }
  }
}

template <int K, bool kVnni>
void sum_products(const TileGrid& grid, const float* x, std::size_t x_stride, std::uint32_t n_rows, float* sums,
                  std::byte* scratch) {
#if HWY_TARGET != HWY_SSE4  // not worth compiling for the oldest machines
  if (n_rows == 1) return multiply_one_row<K, kVnni>(grid, x, sums);
#endif
  auto* weights = reinterpret_cast<std::int16_t*>(scratch);
  // The rows of a run side by side: where they come from they are powers of two apart, which caches cannot hold.
  auto* runs = reinterpret_cast<IntegerRun*>(weights + kRunTiles * kTileWeights);
  for (std::size_t run = 0; run < grid.n_runs; ++run) {
    for (std::size_t row = 0; row < n_rows; ++row) {
      const float* prepared = x + row * x_stride;
      copy_integer_run(prepared, run, runs[row]);
      if (run + 1 < grid.n_runs) prefetch_bytes<sizeof(IntegerRun)>(prepared + (run + 1) * kRunInputs);
    }
    for (std::size_t column = 0; column < kBlockColumns; ++column) {
      const std::uint8_t* tile = grid.tiles + run * kRunTiles * grid.row_bytes + column * 32 * K;
      if (run + 1 < grid.n_runs) prefetch_run<K>(tile + kRunTiles * grid.row_bytes, grid.row_bytes);
      decode_run<K>(tile, grid.row_bytes, weights);
      float* column_sums = sums + column * n_rows * kColumnSums;
      in_groups_of_rows(n_rows, [&]<int kRows>(std::size_t row) {
        multiply_rows<kVnni, kRows>(weights, runs + row, column_sums + row * kColumnSums);
      });
    }
  }
}

template <bool kVnni>
Exl3Sums sums_for(std::uint32_t bits) {
  return instance_for_bits(bits, []<int K>() -> Exl3Sums { return sum_products<K, kVnni>; });
}

Exl3Sums integer_sums_target(const abi::Matrix& matrix) {
#if HWY_TARGET == HWY_AVX3
  if (simd_has_vnni()) return sums_for<true>(matrix.bits);
#endif
  return sums_for<false>(matrix.bits);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin::cpu {

HWY_EXPORT(integer_sums_target);

Exl3Sums exl3_integer_sums(const abi::Matrix& matrix) { return HWY_DYNAMIC_DISPATCH(integer_sums_target)(matrix); }

}  // namespace marlin::cpu
#endif
