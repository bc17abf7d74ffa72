// SPDX-License-Identifier: Apache-2.0
// Keys and values of sequences, per layer, in f16, f32 or int8, in blocks of block_tokens tokens: a block has the rows
// of the same tokens in every layer. Which blocks a sequence has, in which order, is its owner's business; passes are
// told by abi/row_place.h. Latent attention keeps one row of kv_lora_rank + qk_rope_head_dim numbers per token, grouped
// attention a row of keys and one of values (abi/cache_vector.h).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "abi/matrix.h"
#include "device/device.h"
#include "model/config.h"

namespace marlin {

/// Tokens of a block unless asked otherwise.
inline constexpr std::int64_t kBlockTokens = 16;

struct LayerCache {
  BufferView keys;    // n_blocks * block_tokens rows; of latent attention: the latent rows
  BufferView values;  // the same; none for latent attention
  abi::MatrixFormat format = abi::MatrixFormat::kF16;  // or kF32, kInt8
};

class KvCache {
 public:
  /// `format`: kF16, kF32 or kInt8; block_tokens: a power of two.
  KvCache(Device& device, const ModelConfig& config, std::int64_t n_blocks, std::int64_t block_tokens,
          abi::MatrixFormat format);

  [[nodiscard]] std::int64_t n_blocks() const { return n_blocks_; }
  [[nodiscard]] std::int64_t block_tokens() const { return block_tokens_; }
  [[nodiscard]] const LayerCache& layer(std::int64_t index) const { return layers_[static_cast<std::size_t>(index)]; }

  /// Blocks that n_tokens tokens need.
  static std::int64_t blocks_for(std::int64_t n_tokens, std::int64_t block_tokens) {
    return (n_tokens + block_tokens - 1) / block_tokens;
  }

  /// Bytes one token takes over all layers.
  static std::size_t bytes_per_token(const ModelConfig& config, abi::MatrixFormat format);

 private:
  std::int64_t n_blocks_;
  std::int64_t block_tokens_;
  std::unique_ptr<Buffer> buffer_;
  std::vector<LayerCache> layers_;
};

}  // namespace marlin
