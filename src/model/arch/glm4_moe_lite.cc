// SPDX-License-Identifier: Apache-2.0
// GLM-4.7-Flash. The same network as DeepSeek-V3 with other defaults; its class knows sigmoid routing only.
#include "model/arch/deepseek_family.h"

namespace marlin {

ModelConfig parse_glm4_moe_lite(const boost::json::object& config) {
  return parse_deepseek_family(JsonReader(config, "config.json"),
                               {.first_dense_layers = 1, .n_groups = 1, .top_k_groups = 1});
}

}  // namespace marlin
