// SPDX-License-Identifier: Apache-2.0
// The DeepSeek family's config.json. Surprise: the latent norms use their own epsilon, not rms_norm_eps.
#include "model/arch/deepseek_family.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "io/json.h"
#include "model/arch/decoder_config.h"
#include "model/arch/rope_config.h"

namespace marlin {
namespace {

namespace json = boost::json;

void parse_latent_attention(const JsonReader& config, ModelConfig& model) {
  AttentionConfig& attention = model.attention;
  attention.kind = AttentionKind::kLatent;
  attention.n_heads = config.integer("num_attention_heads", {1, kMaxHeads});
  const auto n_kv_heads = config.optional_integer("num_key_value_heads", {1, kMaxHeads}).value_or(attention.n_heads);
  if (n_kv_heads != attention.n_heads) {
    fail(ErrorCode::kUnsupported,
         "{}: num_key_value_heads {} differs from num_attention_heads {}, which latent attention has no use for",
         config.document(), n_kv_heads, attention.n_heads);
  }
  attention.q_lora_rank = config.optional_integer("q_lora_rank", {0, kMaxWidth}).value_or(0);
  attention.kv_lora_rank = config.integer("kv_lora_rank", {1, kMaxWidth});
  attention.qk_nope_head_dim = config.integer("qk_nope_head_dim", {1, kMaxHeadDim});
  attention.qk_rope_head_dim = config.integer("qk_rope_head_dim", {2, kMaxHeadDim});
  attention.v_head_dim = config.integer("v_head_dim", {1, kMaxHeadDim});
  if (attention.qk_rope_head_dim % 2 != 0) {
    fail(ErrorCode::kBadFile, "{}: qk_rope_head_dim {} must be even for rotary embeddings", config.document(),
         attention.qk_rope_head_dim);
  }
  const std::int64_t qk_head_dim = attention.qk_nope_head_dim + attention.qk_rope_head_dim;
  check_heads_width(config, attention.n_heads,
                    std::max(qk_head_dim, attention.qk_nope_head_dim + attention.v_head_dim));

  // transformers builds q_a_layernorm and kv_a_layernorm with the class default, whatever rms_norm_eps says.
  attention.latent_norm_eps = 1e-6;

  const bool interleaved = config.optional_boolean("rope_interleave").value_or(true);
  const ParsedRope parsed =
      parse_rope(config, interleaved ? RopeLayout::kInterleaved : RopeLayout::kHalves, model.max_positions);
  model.rope = parsed.rope;
  model.max_positions = std::max(model.max_positions, parsed.extended_positions);
  attention.softmax_scale = parsed.latent_softmax_correction / std::sqrt(static_cast<double>(qk_head_dim));
}

/// `mlp_layer_types` (transformers 5) says it layer by layer; else the first layers are dense and of the others every
/// moe_layer_freq-th is sparse.
void parse_layer_kinds(const JsonReader& config, const DeepseekDefaults& defaults, ModelConfig& model) {
  if (const json::array* types = config.optional_array("mlp_layer_types")) {
    if (types->size() != model.layer_is_moe.size()) {
      fail(ErrorCode::kBadFile, "{}: mlp_layer_types has {} entries for {} layers", config.document(), types->size(),
           model.n_layers);
    }
    for (std::size_t layer = 0; layer < types->size(); ++layer) {
      const json::value& type = (*types)[layer];
      model.layer_is_moe[layer] = type == json::value("sparse");
      if (!model.layer_is_moe[layer] && type != json::value("dense")) {
        fail(ErrorCode::kBadFile, "{}: mlp_layer_types holds {}; known are 'dense' and 'sparse'", config.document(),
             excerpt(json::serialize(type)));
      }
    }
    return;
  }
  const std::int64_t n_dense =
      config.optional_integer("first_k_dense_replace", {0, kMaxLayers}).value_or(defaults.first_dense_layers);
  const std::int64_t frequency = config.optional_integer("moe_layer_freq", {1, kMaxLayers}).value_or(1);
  for (std::int64_t layer = n_dense; layer < model.n_layers; ++layer) {
    model.layer_is_moe[static_cast<std::size_t>(layer)] = layer % frequency == 0;
  }
}

/// An absent n_shared_experts means 1, as in the classes; null means none, as DeepSeek's own code has it.
std::int64_t parse_shared_experts(const JsonReader& config) {
  if (!config.json().contains("n_shared_experts")) return 1;
  return config.optional_integer("n_shared_experts", {0, 64}).value_or(0);
}

void parse_groups(const JsonReader& config, const DeepseekDefaults& defaults, MoeConfig& moe) {
  moe.n_groups = config.optional_integer("n_group", {1, kMaxExperts}).value_or(defaults.n_groups);
  moe.top_k_groups = config.optional_integer("topk_group", {1, kMaxExperts}).value_or(defaults.top_k_groups);
  if (moe.n_experts % moe.n_groups != 0) {
    fail(ErrorCode::kBadFile, "{}: n_group {} does not divide the {} experts", config.document(), moe.n_groups,
         moe.n_experts);
  }
  const std::int64_t group_size = moe.n_experts / moe.n_groups;
  if (moe.n_groups > 1 && group_size < 2) {
    fail(ErrorCode::kBadFile, "{}: n_group {} leaves groups of one expert; a group's score needs two",
         config.document(), moe.n_groups);
  }
  if (moe.top_k_groups > moe.n_groups) {
    fail(ErrorCode::kBadFile, "{}: topk_group {} is more than n_group {}", config.document(), moe.top_k_groups,
         moe.n_groups);
  }
  if (moe.top_k > moe.top_k_groups * group_size) {
    fail(ErrorCode::kBadFile, "{}: num_experts_per_tok {} is more than the {} experts of topk_group groups",
         config.document(), moe.top_k, moe.top_k_groups * group_size);
  }
}

void parse_experts(const JsonReader& config, const DeepseekDefaults& defaults, MoeConfig& moe) {
  require_string(config, "scoring_func", "sigmoid");
  require_string(config, "topk_method", "noaux_tc");
  moe.n_experts = parse_expert_count(config);
  moe.top_k = config.integer("num_experts_per_tok", {1, moe.n_experts});
  moe.intermediate_size = config.integer("moe_intermediate_size", {1, kMaxWidth});
  moe.shared_intermediate_size = moe.intermediate_size * parse_shared_experts(config);
  moe.scoring = RouterScoring::kSigmoid;
  moe.correction_bias = true;
  moe.normalize_top_k = config.optional_boolean("norm_topk_prob").value_or(true);
  moe.scaling = config.number("routed_scaling_factor", {1e-6, 1e6});
  parse_groups(config, defaults, moe);
}

}  // namespace

ModelConfig parse_deepseek_family(const JsonReader& config, const DeepseekDefaults& defaults) {
  ModelConfig model = parse_decoder(config);
  parse_latent_attention(config, model);
  parse_layer_kinds(config, defaults, model);
  const auto& layers = model.layer_is_moe;
  if (std::find(layers.begin(), layers.end(), true) != layers.end()) parse_experts(config, defaults, model.moe);
  return model;
}

}  // namespace marlin
