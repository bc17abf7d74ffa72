// SPDX-License-Identifier: Apache-2.0
// Qwen3, dense: grouped attention with per-head norms of q and k. An absent head_dim means 128, not hidden / heads.
#include "model/arch/decoder_config.h"

namespace marlin {

ModelConfig parse_qwen3(const boost::json::object& object) {
  const JsonReader config(object, "config.json");
  ModelConfig model = parse_decoder(config);
  parse_grouped_attention(config, 128, /*qk_norm=*/true, model);
  return model;
}

}  // namespace marlin
