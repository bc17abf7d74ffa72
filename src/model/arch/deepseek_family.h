// SPDX-License-Identifier: Apache-2.0
// DeepSeek-V3 and its descendants: latent attention, sigmoid routing with a correction bias, optional expert groups,
// shared experts, dense first layers. Called by deepseek_v3.cc and glm4_moe_lite.cc.
#pragma once

#include <cstdint>

#include "io/json_reader.h"
#include "model/config.h"

namespace marlin {

/// What a config without these keys means; differs between the classes in transformers.
struct DeepseekDefaults {
  std::int64_t first_dense_layers = 0;  // first_k_dense_replace
  std::int64_t n_groups = 1;            // n_group
  std::int64_t top_k_groups = 1;        // topk_group
};

/// Errors: kBadFile and kUnsupported naming the key.
ModelConfig parse_deepseek_family(const JsonReader& config, const DeepseekDefaults& defaults);

}  // namespace marlin
