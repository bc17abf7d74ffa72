// SPDX-License-Identifier: Apache-2.0
// DeepSeek-V3 and R1: expert groups and YaRN.
#include "model/arch/deepseek_family.h"

namespace marlin {

ModelConfig parse_deepseek_v3(const boost::json::object& config) {
  return parse_deepseek_family(JsonReader(config, "config.json"),
                               {.first_dense_layers = 3, .n_groups = 8, .top_k_groups = 4});
}

}  // namespace marlin
