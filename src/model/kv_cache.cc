// SPDX-License-Identifier: Apache-2.0
#include "model/kv_cache.h"

#include <bit>

#include "abi/cache_vector.h"
#include "base/error.h"

namespace marlin {
namespace {

struct RowBytes {
  std::size_t keys;
  std::size_t values;
};

RowBytes row_bytes(const AttentionConfig& attention, abi::MatrixFormat format) {
  const auto vector_bytes = [format](std::int64_t dim, std::int64_t tail_dim) -> std::size_t {
    return abi::cache_vector_bytes(format, {static_cast<std::uint32_t>(dim), static_cast<std::uint32_t>(tail_dim)});
  };
  if (attention.kind == AttentionKind::kLatent) {
    return {vector_bytes(attention.kv_lora_rank + attention.qk_rope_head_dim, attention.qk_rope_head_dim), 0};
  }
  const std::size_t row = static_cast<std::size_t>(attention.n_kv_heads) * vector_bytes(attention.head_dim, 0);
  return {row, row};
}

}  // namespace

std::size_t KvCache::bytes_per_token(const ModelConfig& config, abi::MatrixFormat format) {
  const RowBytes row = row_bytes(config.attention, format);
  return static_cast<std::size_t>(config.n_layers) * (row.keys + row.values);
}

KvCache::KvCache(Device& device, const ModelConfig& config, std::int64_t n_blocks, std::int64_t block_tokens,
                 abi::MatrixFormat format)
    : n_blocks_(n_blocks), block_tokens_(block_tokens) {
  MARLIN_CHECK(n_blocks > 0 && block_tokens > 0 && std::has_single_bit(static_cast<std::uint64_t>(block_tokens)));
  const auto n_rows = static_cast<std::size_t>(n_blocks * block_tokens);
  buffer_ = device.allocate(n_rows * bytes_per_token(config, format), "kv cache", Visibility::kDevice);
  const RowBytes row = row_bytes(config.attention, format);
  const std::size_t keys = row.keys * n_rows;
  const std::size_t values = row.values * n_rows;
  std::size_t offset = 0;
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    MARLIN_CHECK(offset % device.info().attention_alignment == 0 && keys % device.info().attention_alignment == 0);
    layers_.push_back({{buffer_.get(), offset, keys}, {buffer_.get(), offset + keys, values}, format});
    offset += keys + values;
  }
}

}  // namespace marlin
