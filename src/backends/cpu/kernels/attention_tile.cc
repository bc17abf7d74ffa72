// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/kernels/attention_tile.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/cpu/kernels/cache_row.h"
#include "base/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/attention_tile.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// clang-format off
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>  // not before foreach_target.h
// clang-format on

#include "backends/cpu/kernels/dot_products-inl.h"
#include "backends/cpu/kernels/weighted_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

using Floats = hn::ScalableTag<float>;

constexpr std::size_t kKeyBlock = 64;

/// The softmax of each query so far, and its weights for the keys of the present block.
struct Softmax {
  float maximum[kMaxJointQueries];
  float sum[kMaxJointQueries];
  HWY_ALIGN float weights[kMaxJointQueries][kKeyBlock];
};

HWY_INLINE void scale_values(float* values, float factor, std::size_t n) {
  const Floats d;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(hn::Mul(hn::LoadU(d, values + i), hn::Set(d, factor)), d, values + i);
  }
  for (; i < n; ++i) values[i] *= factor;
}

/// scores[n] -> exp(scale scores - maximum), with what came before brought to the new maximum. The scores that follow
/// up to a full vector are overwritten.
HWY_INLINE void weigh_scores(float* scores, std::size_t n, float scale, float* maximum, float* sum, float* out,
                             std::size_t value_dim) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t padded = (n + lanes - 1) / lanes * lanes;
  std::fill(scores + n, scores + padded, -std::numeric_limits<float>::infinity());
  auto highest = hn::Set(d, *maximum);
  for (std::size_t i = 0; i < padded; i += lanes) {
    const auto scaled = hn::Mul(hn::Load(d, scores + i), hn::Set(d, scale));
    hn::Store(scaled, d, scores + i);
    highest = hn::Max(highest, scaled);
  }
  const float new_maximum = hn::GetLane(hn::MaxOfLanes(d, highest));
  if (new_maximum > *maximum) {
    const float factor = std::exp(*maximum - new_maximum);
    scale_values(out, factor, value_dim);
    *sum *= factor;
    *maximum = new_maximum;
  }
  // a difference below -1000 is 0 all the same, and infinities are not for Exp
  auto total = hn::Zero(d);
  for (std::size_t i = 0; i < padded; i += lanes) {
    const auto difference = hn::Sub(hn::Load(d, scores + i), hn::Set(d, *maximum));
    const auto weights = hn::Exp(d, hn::Max(difference, hn::Set(d, -1000.0F)));
    hn::Store(weights, d, scores + i);
    total = hn::Add(total, weights);
  }
  *sum += hn::GetLane(hn::SumOfLanes(d, total));
}

/// Vectors of the cache, each of n_numbers.
template <abi::MatrixFormat kFormat>
HWY_INLINE auto vectors_at(const std::uint8_t* const* vectors, [[maybe_unused]] std::size_t n_numbers) {
  if constexpr (kFormat == abi::MatrixFormat::kInt8) {
    return ScatteredScaledRows{vectors, n_numbers};
  } else {
    return ScatteredRows{vectors};
  }
}

/// Queries first_query .. + kQueries meet keys first .. + n of one block.
template <abi::MatrixFormat kFormat, int kQueries>
void attend_block(const AttentionTile& tile, std::size_t first_query, std::size_t first, std::size_t n,
                  Softmax& softmax) {
  const std::uint8_t* keys[kKeyBlock];
  const std::uint8_t* values[kKeyBlock];
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t at = cache_row(tile.blocks, first + i, tile.block_shift) * tile.row_bytes;
    keys[i] = tile.keys + at;
    values[i] = tile.values + at;
  }
  const float* queries = tile.queries + first_query * tile.key_dim;
  float* const* out = tile.out + first_query;
  float* scores = softmax.weights[first_query];
  dot_outputs<kFormat, kQueries>(queries, tile.key_dim, vectors_at<kFormat>(keys, tile.key_dim), n, tile.key_dim,
                                 scores, kKeyBlock);
  for (std::size_t query = 0; query < kQueries; ++query) {
    weigh_scores(scores + query * kKeyBlock, n, tile.scale, &softmax.maximum[first_query + query],
                 &softmax.sum[first_query + query], out[query], tile.value_dim);
  }
  add_weighted<kFormat, kQueries>(scores, kKeyBlock, vectors_at<kFormat>(values, tile.key_dim), n, tile.value_dim, out);
}

using AttendBlock = void (*)(const AttentionTile&, std::size_t, std::size_t, std::size_t, Softmax&);

template <abi::MatrixFormat kFormat>
AttendBlock block_for_queries(std::size_t n_queries) {
  static_assert(kMaxJointHeads == 5 && kJointRows == 2);
  constexpr AttendBlock kBlocks[] = {attend_block<kFormat, 1>,
                                     attend_block<kFormat, 2>,
                                     attend_block<kFormat, 3>,
                                     attend_block<kFormat, 4>,
                                     attend_block<kFormat, 5>,
                                     attend_block<kFormat, 6>,
                                     nullptr,
                                     attend_block<kFormat, 8>,
                                     nullptr,
                                     attend_block<kFormat, 10>};
  MARLIN_CHECK(n_queries >= 1 && n_queries <= kMaxJointQueries && kBlocks[n_queries - 1] != nullptr);
  return kBlocks[n_queries - 1];
}

template <abi::MatrixFormat kFormat>
void attend_in_blocks(const AttentionTile& tile) {
  const std::size_t n_queries = tile.n_rows * tile.n_heads;
  Softmax softmax{};
  std::fill(softmax.maximum, softmax.maximum + n_queries, -std::numeric_limits<float>::infinity());
  for (std::size_t query = 0; query < n_queries; ++query) std::fill_n(tile.out[query], tile.value_dim, 0.0F);

  const AttendBlock of_all_rows = block_for_queries<kFormat>(n_queries);
  const std::size_t seen_by_all = tile.n_positions / kKeyBlock * kKeyBlock;
  for (std::size_t first = 0; first < seen_by_all; first += kKeyBlock) {
    of_all_rows(tile, 0, first, kKeyBlock, softmax);
  }
  const AttendBlock of_one_row = block_for_queries<kFormat>(tile.n_heads);
  for (std::size_t row = 0; row < tile.n_rows; ++row) {
    const std::size_t n_positions = tile.n_positions + row;
    for (std::size_t first = seen_by_all; first < n_positions; first += kKeyBlock) {
      of_one_row(tile, row * tile.n_heads, first, std::min(kKeyBlock, n_positions - first), softmax);
    }
  }
  for (std::size_t query = 0; query < n_queries; ++query) {
    scale_values(tile.out[query], 1.0F / softmax.sum[query], tile.value_dim);
  }
}

void attend_target(const AttentionTile& tile) {
  if (tile.format == abi::MatrixFormat::kF16) return attend_in_blocks<abi::MatrixFormat::kF16>(tile);
  if (tile.format == abi::MatrixFormat::kInt8) return attend_in_blocks<abi::MatrixFormat::kInt8>(tile);
  attend_in_blocks<abi::MatrixFormat::kF32>(tile);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin::cpu {

HWY_EXPORT(attend_target);

void attend(const AttentionTile& tile) { HWY_DYNAMIC_DISPATCH(attend_target)(tile); }

}  // namespace marlin::cpu
#endif
