// SPDX-License-Identifier: Apache-2.0
// Both attention kernels: an item is a few rows and a few heads that share their keys, an AttentionTile.
#include "abi/attention.h"

#include <algorithm>

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

/// The items that n_rows rows of n_heads heads make, all of one key-value head.
struct TileItems {
  TileItems(std::size_t rows, std::size_t heads)
      : n_rows(rows),
        n_heads(heads),
        joint(joint_heads(heads)),
        head_groups((heads + joint - 1) / joint),
        count((rows + kJointRows - 1) / kJointRows * head_groups) {}

  /// Calls add(i, row, head) for query i of item `item`, in the order of a tile. Sets the rows and heads of the tile
  /// and adds the positions its first row sees to those before the batch.
  template <typename Add>
  void for_queries(std::size_t item, AttentionTile& tile, Add add) const {
    const std::size_t row = item / head_groups * kJointRows;
    const std::size_t head = item % head_groups * joint;
    tile.n_rows = std::min(kJointRows, n_rows - row);
    tile.n_heads = std::min(joint, n_heads - head);
    tile.n_positions += row + 1;
    for (std::size_t i = 0; i < tile.n_rows * tile.n_heads; ++i) {
      add(i, row + i / tile.n_heads, head + i % tile.n_heads);
    }
  }

  std::size_t n_rows;
  std::size_t n_heads;
  std::size_t joint;
  std::size_t head_groups;
  std::size_t count;
};

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
  const std::size_t element = args.cache_format == abi::MatrixFormat::kF16 ? 2 : 4;
  MARLIN_CHECK(kMaxJointQueries * dim * sizeof(float) <= kScratchBytes);
  auto* queries = call.scratch<float>();
  for (std::size_t item = begin; item < end; ++item) {
    const std::size_t kv_head = item / items.count;
    AttentionTile tile{.queries = queries,
                       .keys = call.binding<const std::uint8_t>(1) + kv_head * dim * element,
                       .values = call.binding<const std::uint8_t>(2) + kv_head * dim * element,
                       .key_dim = dim,
                       .value_dim = dim,
                       .key_stride = args.n_kv_heads * dim,
                       .value_stride = args.n_kv_heads * dim,
                       .n_positions = args.start_position,
                       .scale = args.scale,
                       .format = args.cache_format};
    items.for_queries(item % items.count, tile, [&](std::size_t i, std::size_t row, std::size_t head) {
      const std::size_t place = (row * args.n_heads + kv_head * items.n_heads + head) * dim;
      std::copy_n(call.binding<const float>(0) + place, dim, queries + i * dim);
      tile.out[i] = call.binding<float>(3) + place;
    });
    attend(tile);
  }
}

std::uint32_t latent_attention_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::LatentAttentionArguments*>(arguments);
  return static_cast<std::uint32_t>(TileItems(args.n_rows, args.n_heads).count);
}

void latent_attention(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::LatentAttentionArguments>();
  const TileItems items(args.n_rows, args.n_heads);
  const std::size_t width = std::size_t{args.rank} + args.rope_dim;
  MARLIN_CHECK(kMaxJointQueries * width * sizeof(float) <= kScratchBytes);
  auto* queries = call.scratch<float>();
  const auto* cache = call.binding<const std::uint8_t>(2);
  for (std::size_t item = begin; item < end; ++item) {
    AttentionTile tile{.queries = queries,
                       .keys = cache,
                       .values = cache,
                       .key_dim = width,
                       .value_dim = args.rank,
                       .key_stride = width,
                       .value_stride = width,
                       .n_positions = args.start_position,
                       .scale = args.scale,
                       .format = args.cache_format};
    items.for_queries(item, tile, [&](std::size_t i, std::size_t row, std::size_t head) {
      const std::size_t place = (row * args.n_heads + head) * args.rank;
      float* joined = std::copy_n(call.binding<const float>(0) + place, args.rank, queries + i * width);
      std::copy_n(
          call.binding<const float>(1) + row * args.q_row_stride + head * args.q_head_stride + args.q_rope_offset,
          args.rope_dim, joined);
      tile.out[i] = call.binding<float>(3) + place;
    });
    attend(tile);
  }
}

}  // namespace marlin::cpu
