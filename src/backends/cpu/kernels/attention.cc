// SPDX-License-Identifier: Apache-2.0
// Both attention kernels: an item is a few rows and a few heads; those that share their keys are an AttentionTile.
#include "abi/attention.h"

#include <algorithm>

#include "abi/cache_vector.h"
#include "abi/row_place.h"
#include "backends/cpu/kernels/attention_tile.h"
#include "backends/cpu/kernels/kernels.h"
#include "base/error.h"

namespace marlin::cpu {
namespace {

/// How many of n heads share an item: as many as divide them evenly.
std::size_t joint_heads(std::size_t n_heads) {
  for (std::size_t n = kMaxJointHeads; n > 2; --n) {
    if (n_heads % n == 0) return n;
  }
  return n_heads < 2 ? 1 : 2;
}

/// The items that n_rows rows of n_heads heads make, all of one key-value head: some heads of kJointRows rows.
struct TileItems {
  TileItems(std::size_t rows, std::size_t heads)
      : n_rows(rows),
        n_heads(heads),
        joint(joint_heads(heads)),
        head_groups((heads + joint - 1) / joint),
        count((rows + kJointRows - 1) / kJointRows * head_groups) {}

  std::size_t n_rows;
  std::size_t n_heads;
  std::size_t joint;
  std::size_t head_groups;
  std::size_t count;
};

/// What both kernels have of the pass: where its rows stand.
struct Places {
  const abi::RowPlace* rows;
  const std::uint32_t* blocks;

  /// Whether row + 1 follows row in a sequence.
  [[nodiscard]] bool continues(std::size_t row) const {
    return rows[row + 1].first_block == rows[row].first_block && rows[row + 1].position == rows[row].position + 1;
  }
};

/// Attends to the queries of item `item`. `tile`: all but rows, heads, blocks and positions. add(i, row, head) prepares
/// query i of a tile.
template <typename Add>
void attend_item(const TileItems& items, std::size_t item, const Places& places, AttentionTile tile, Add add) {
  const std::size_t head = item % items.head_groups * items.joint;
  tile.n_heads = std::min(items.joint, items.n_heads - head);
  const std::size_t first = item / items.head_groups * kJointRows;
  const std::size_t end = std::min(items.n_rows, first + kJointRows);
  for (std::size_t row = first; row < end; row += tile.n_rows) {
    tile.n_rows = 1;
    while (row + tile.n_rows < end && places.continues(row + tile.n_rows - 1)) ++tile.n_rows;
    tile.blocks = places.blocks + places.rows[row].first_block;
    tile.n_positions = std::size_t{places.rows[row].position} + 1;
    for (std::size_t i = 0; i < tile.n_rows * tile.n_heads; ++i) {
      add(tile, i, row + i / tile.n_heads, head + i % tile.n_heads);
    }
    attend(tile);
  }
}

TileItems grouped_items(const abi::GroupedAttentionArguments& args) {
  return {args.n_rows, args.n_heads / args.n_kv_heads};
}

}  // namespace

std::uint32_t grouped_attention_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::GroupedAttentionArguments*>(arguments);
  return static_cast<std::uint32_t>(args.n_kv_heads * grouped_items(args).count);
}

void grouped_attention(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::GroupedAttentionArguments>();
  const TileItems items = grouped_items(args);
  const std::size_t dim = args.head_dim;
  const abi::CacheVector vector{args.head_dim, 0};
  const std::size_t vector_bytes = abi::cache_vector_bytes(args.cache_format, vector);
  const std::size_t key_dim = abi::cache_numbers(args.cache_format, vector);
  MARLIN_CHECK(kMaxJointQueries * key_dim * sizeof(float) <= kScratchBytes);
  const Places places{call.binding<const abi::RowPlace>(3), call.binding<const std::uint32_t>(4)};
  auto* queries = call.scratch<float>();
  for (std::size_t item = begin; item < end; ++item) {
    const std::size_t kv_head = item / items.count;
    const AttentionTile shared{.queries = queries,
                               .keys = call.binding<const std::uint8_t>(1) + kv_head * vector_bytes,
                               .values = call.binding<const std::uint8_t>(2) + kv_head * vector_bytes,
                               .blocks = nullptr,
                               .block_shift = args.block_shift,
                               .key_dim = key_dim,
                               .value_dim = dim,
                               .row_bytes = args.n_kv_heads * vector_bytes,
                               .n_positions = 0,
                               .scale = args.scale,
                               .format = args.cache_format};
    const auto add = [&](AttentionTile& tile, std::size_t i, std::size_t row, std::size_t head) {
      const std::size_t place = (row * args.n_heads + kv_head * items.n_heads + head) * dim;
      float* query = queries + i * key_dim;
      std::fill_n(std::copy_n(call.binding<const float>(0) + place, dim, query), key_dim - dim, 0.0F);
      tile.out[i] = call.binding<float>(5) + place;
    };
    attend_item(items, item % items.count, places, shared, add);
  }
}

std::uint32_t latent_attention_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::LatentAttentionArguments*>(arguments);
  return static_cast<std::uint32_t>(TileItems(args.n_rows, args.n_heads).count);
}

void latent_attention(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::LatentAttentionArguments>();
  const TileItems items(args.n_rows, args.n_heads);
  const abi::CacheVector vector{args.rank + args.rope_dim, args.rope_dim};
  const std::size_t rope_at = abi::cache_tail_offset(args.cache_format, vector);
  const std::size_t key_dim = abi::cache_numbers(args.cache_format, vector);
  MARLIN_CHECK(kMaxJointQueries * key_dim * sizeof(float) <= kScratchBytes);
  const Places places{call.binding<const abi::RowPlace>(3), call.binding<const std::uint32_t>(4)};
  auto* queries = call.scratch<float>();
  const auto* cache = call.binding<const std::uint8_t>(2);
  const AttentionTile shared{.queries = queries,
                             .keys = cache,
                             .values = cache,
                             .blocks = nullptr,
                             .block_shift = args.block_shift,
                             .key_dim = key_dim,
                             .value_dim = args.rank,
                             .row_bytes = abi::cache_vector_bytes(args.cache_format, vector),
                             .n_positions = 0,
                             .scale = args.scale,
                             .format = args.cache_format};
  const auto add = [&](AttentionTile& tile, std::size_t i, std::size_t row, std::size_t head) {
    const std::size_t place = (row * args.n_heads + head) * args.rank;
    const float* rotated =
        call.binding<const float>(1) + row * args.q_row_stride + head * args.q_head_stride + args.q_rope_offset;
    float* query = queries + i * key_dim;
    std::fill_n(std::copy_n(call.binding<const float>(0) + place, args.rank, query), rope_at - args.rank, 0.0F);
    std::fill(std::copy_n(rotated, args.rope_dim, query + rope_at), query + key_dim, 0.0F);
    tile.out[i] = call.binding<float>(5) + place;
  };
  for (std::size_t item = begin; item < end; ++item) attend_item(items, item, places, shared, add);
}

}  // namespace marlin::cpu
