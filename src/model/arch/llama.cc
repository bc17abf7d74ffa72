// SPDX-License-Identifier: Apache-2.0
// Llama 2 and 3 (and the many models that use its class). attention_bias and mlp_bias need no key here: a bias is there
// if its tensor is.
#include "model/arch/decoder_config.h"

namespace marlin {

ModelConfig parse_llama(const boost::json::object& object) {
  const JsonReader config(object, "config.json");
  ModelConfig model = parse_decoder(config);
  parse_grouped_attention(config, std::nullopt, /*qk_norm=*/false, model);
  return model;
}

}  // namespace marlin
