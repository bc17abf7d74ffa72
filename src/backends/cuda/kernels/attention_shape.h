// SPDX-License-Identifier: Apache-2.0
// The shape of the work of a block on tensor cores, for each instance of the tile kernels: how its warps divide the
// products, and what lies where in shared memory.
//
// Rows of shared tiles are a multiple of 128 bytes; the 16-byte chunks of a row change places with its number, so that
// the same chunk of eight rows lies in eight different banks.
#pragma once

#include <cstdint>

#include "abi/matrix.h"
#include "backends/cuda/kernels/attention_spans.h"

namespace marlin::cuda {

inline constexpr int kAttentionWarps = 8;
inline constexpr int kAttentionThreads = 32 * kAttentionWarps;

/// Bytes from a tile's begin to chunk `chunk` of row `row`, of rows of kDim halves.
template <int kDim>
__device__ inline std::uint32_t chunk_offset(std::uint32_t row, std::uint32_t chunk) {
  return row * (kDim * 2) + (chunk ^ (row & 7)) * 16;
}

/// kHead: dimensions of keys and values; kTail: more of the keys alone, and values are the keys' first part. Smaller
/// dimensions are filled up with zeros. kRows_: queries of a block.
template <abi::MatrixFormat kFormat_, int kHead_, int kTail_, int kRows_>
struct TileShape {
  static constexpr abi::MatrixFormat kFormat = kFormat_;
  static constexpr bool kInt8 = kFormat_ == abi::MatrixFormat::kInt8;
  static constexpr int kHead = kHead_;
  static constexpr int kTail = kTail_;
  static constexpr int kRows = kRows_;
  static constexpr int kKeyDim = kHead + kTail;
  static constexpr bool kOneCache = kTail > 0;
  static_assert(kHead % 64 == 0 && kTail % 64 == 0 && kRows % 16 == 0);

  // Scores: a warp has 16 rows, half of the dimensions, and kSliceKeys of a tile's keys.
  static constexpr int kRowTiles = kRows / 16;
  static constexpr int kKeySlices = kAttentionWarps / (2 * kRowTiles);
  static constexpr int kSliceKeys = static_cast<int>(kKeyTile) / kKeySlices;
  static constexpr int kPartSteps = kKeyDim / 32;  // of 16 dimensions

  // Weighted sums of values: a warp has kGroupTiles times 16 rows and kGroupDims dimensions.
  static constexpr int kWantedRowGroups = kHead >= 256 ? 1 : 256 / kHead;
  static constexpr int kRowGroups = kRowTiles < kWantedRowGroups ? kRowTiles : kWantedRowGroups;
  static constexpr int kMostDimGroups = kAttentionWarps / kRowGroups;
  static constexpr int kDimGroups = kMostDimGroups < kHead / 16 ? kMostDimGroups : kHead / 16;
  static constexpr int kGroupTiles = kRowTiles / kRowGroups;
  static constexpr int kGroupDims = kHead / kDimGroups;

  // The softmax: eight lanes have a row.
  static constexpr int kPasses = (kRows + 31) / 32;

  static constexpr int kQueryBytes = kRows * kKeyDim * 2;                   // of the high halves, and of the low ones
  static constexpr int kScoreStride = static_cast<int>(kKeyTile) * 4 + 16;  // bytes; a row's weights replace its scores
  static constexpr int kScoreBytes = kRows * kScoreStride;
};

/// Numbers of each row of a block, in shared memory.
template <int kRows>
struct RowNumbers {
  float multiplier[kRows];           // of a sum of products: the score to base 2
  std::uint32_t n_positions[kRows];  // that the row sees; 0: no row
  float rescale[kRows];              // of the span's sums, before a tile is added
  JoinFactors join[kRows];
  float inverse[kRows];  // 1 / sum of the weights, when the last span is joined
};

}  // namespace marlin::cuda
