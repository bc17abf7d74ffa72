// SPDX-License-Identifier: Apache-2.0
// The attention sublayer of a decoder layer: reads step.h, adds to step.x, appends to its cache.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "device/encoder.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/step.h"
#include "model/weights.h"

namespace marlin {

class Attention {
 public:
  virtual ~Attention() = default;

  virtual void encode(Encoder& encoder, const Step& step, const LayerCache& cache) const = 0;

  /// Floats of step.space that encode() needs.
  [[nodiscard]] virtual std::int64_t space_floats(std::int64_t n_rows) const = 0;

  /// Of all projections.
  [[nodiscard]] virtual std::uint64_t weight_bytes() const = 0;
};

/// Binds the tensors under `prefix` ("model.layers.3.self_attn.").
std::unique_ptr<Attention> bind_attention(Weights& weights, const ModelConfig& config, const std::string& prefix);

/// The two kinds, one file each.
std::unique_ptr<Attention> bind_grouped_attention(Weights& weights, const ModelConfig& config,
                                                  const std::string& prefix);
std::unique_ptr<Attention> bind_latent_attention(Weights& weights, const ModelConfig& config,
                                                 const std::string& prefix);

}  // namespace marlin
