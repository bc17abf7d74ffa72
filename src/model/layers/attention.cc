// SPDX-License-Identifier: Apache-2.0
#include "model/layers/attention.h"

namespace marlin {

std::unique_ptr<Attention> bind_attention(Weights& weights, const ModelConfig& config, const std::string& prefix) {
  return config.attention.kind == AttentionKind::kLatent ? bind_latent_attention(weights, config, prefix)
                                                         : bind_grouped_attention(weights, config, prefix);
}

}  // namespace marlin
