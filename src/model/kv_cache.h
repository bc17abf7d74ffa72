// SPDX-License-Identifier: Apache-2.0
// Keys and values of one sequence, per layer, in f16 or f32. Latent attention keeps one row of kv_lora_rank +
// qk_rope_head_dim per token, grouped attention a row of keys and one of values.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "abi/matrix.h"
#include "device/device.h"
#include "model/config.h"

namespace marlin {

struct LayerCache {
  BufferView keys;                                     // [n_positions, key_width]; of latent attention: the latent rows
  BufferView values;                                   // [n_positions, value_width]; none for latent attention
  abi::MatrixFormat format = abi::MatrixFormat::kF16;  // or kF32
};

class KvCache {
 public:
  /// `format`: kF16 or kF32.
  KvCache(Device& device, const ModelConfig& config, std::int64_t n_positions, abi::MatrixFormat format);

  [[nodiscard]] std::int64_t n_positions() const { return n_positions_; }
  [[nodiscard]] const LayerCache& layer(std::int64_t index) const { return layers_[static_cast<std::size_t>(index)]; }

  /// Bytes one token takes over all layers.
  static std::size_t bytes_per_token(const ModelConfig& config, abi::MatrixFormat format);

 private:
  std::int64_t n_positions_;
  std::unique_ptr<Buffer> buffer_;
  std::vector<LayerCache> layers_;
};

}  // namespace marlin
