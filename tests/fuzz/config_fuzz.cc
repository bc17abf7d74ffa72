// SPDX-License-Identifier: Apache-2.0
// Fuzzes config.json: any bytes give a ModelConfig whose invariants hold, or an Error.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "io/json.h"
#include "model/arch/architecture.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const marlin::ModelConfig& model) {
  require(model.n_layers > 0 && model.layer_is_moe.size() == static_cast<std::size_t>(model.n_layers));
  require(std::isfinite(model.attention.softmax_scale) && model.attention.softmax_scale > 0);
  require(std::isfinite(model.rope.theta) && model.rope.theta > 0);
  require(std::isfinite(model.rope.attention_factor) && model.rope.attention_factor > 0);
  require(model.attention.n_heads > 0 && model.rms_norm_eps > 0);
  if (model.attention.kind == marlin::AttentionKind::kGrouped) {
    require(model.attention.head_dim % 2 == 0 && model.attention.head_dim > 0);
    require(model.attention.n_heads % model.attention.n_kv_heads == 0);
  } else {
    require(model.attention.qk_rope_head_dim % 2 == 0 && model.attention.kv_lora_rank > 0);
  }
  for (const bool is_moe : model.layer_is_moe) require(!is_moe || model.moe.n_experts > 0);
  require(model.moe.top_k <= model.moe.n_experts && model.moe.n_experts % model.moe.n_groups == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    check(marlin::parse_model_config(
        marlin::parse_json(std::string_view(reinterpret_cast<const char*>(data), size), "config.json")));
  } catch (const marlin::Error&) {
  }
  return 0;
}
