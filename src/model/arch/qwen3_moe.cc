// SPDX-License-Identifier: Apache-2.0
// Qwen3-MoE: Qwen3's attention, softmax routing, no shared expert. Surprise: norm_topk_prob defaults to false here.
#include <algorithm>

#include "base/error.h"
#include "io/json.h"
#include "model/arch/decoder_config.h"

namespace marlin {
namespace {

namespace json = boost::json;

bool contains(const json::array& numbers, std::int64_t wanted) {
  return std::any_of(numbers.begin(), numbers.end(),
                     [wanted](const json::value& number) { return number == json::value(wanted); });
}

/// Every decoder_sparse_step-th layer has experts, except those of mlp_only_layers.
void parse_layer_kinds(const JsonReader& config, ModelConfig& model) {
  const std::int64_t step = config.optional_integer("decoder_sparse_step", {1, kMaxLayers}).value_or(1);
  const json::array* dense = config.optional_array("mlp_only_layers");
  if (dense != nullptr) {
    if (dense->size() > static_cast<std::size_t>(kMaxLayers)) {
      fail(ErrorCode::kBadFile, "{}: mlp_only_layers has {} entries", config.document(), dense->size());
    }
    for (const json::value& layer : *dense) {
      if (!layer.is_int64() || layer.get_int64() < 0) {
        fail(ErrorCode::kBadFile, "{}: mlp_only_layers must hold layer numbers, not {}", config.document(),
             excerpt(json::serialize(layer)));
      }
    }
  }
  for (std::int64_t layer = 0; layer < model.n_layers; ++layer) {
    const bool only_dense = dense != nullptr && contains(*dense, layer);
    model.layer_is_moe[static_cast<std::size_t>(layer)] = !only_dense && (layer + 1) % step == 0;
  }
}

}  // namespace

ModelConfig parse_qwen3_moe(const json::object& object) {
  const JsonReader config(object, "config.json");
  ModelConfig model = parse_decoder(config);
  parse_grouped_attention(config, std::nullopt, /*qk_norm=*/true, model);
  parse_layer_kinds(config, model);
  const auto& layers = model.layer_is_moe;
  if (std::find(layers.begin(), layers.end(), true) == layers.end()) return model;
  MoeConfig& moe = model.moe;
  moe.n_experts = parse_expert_count(config);
  moe.top_k = config.integer("num_experts_per_tok", {1, moe.n_experts});
  moe.intermediate_size = config.integer("moe_intermediate_size", {1, kMaxWidth});
  moe.scoring = RouterScoring::kSoftmax;
  moe.normalize_top_k = config.optional_boolean("norm_topk_prob").value_or(false);
  return model;
}

}  // namespace marlin
