// SPDX-License-Identifier: Apache-2.0
// Small valid configs of each architecture for tests, and the edits the tests make to them. The geometries are ours;
// the spelling is that of published config.json files.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "io/json.h"
#include "model/arch/architecture.h"

namespace marlin::test {

inline constexpr std::string_view kLlamaText = R"({
  "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "hidden_size": 256,
  "intermediate_size": 512, "max_position_embeddings": 2048, "num_attention_heads": 8, "num_hidden_layers": 4,
  "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "vocab_size": 4096, "attention_bias": false, "mlp_bias": false,
  "tie_word_embeddings": false, "torch_dtype": "bfloat16", "rope_theta": 500000.0})";

inline constexpr std::string_view kQwen3Text = R"({
  "model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "hidden_act": "silu", "hidden_size": 256,
  "head_dim": 64, "intermediate_size": 512, "max_position_embeddings": 2048, "num_attention_heads": 8,
  "num_hidden_layers": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "vocab_size": 4096,
  "tie_word_embeddings": true, "use_sliding_window": false, "sliding_window": null, "rope_theta": 1000000})";

inline constexpr std::string_view kQwen3MoeText = R"({
  "model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "hidden_act": "silu", "hidden_size": 256,
  "head_dim": 64, "intermediate_size": 512, "max_position_embeddings": 2048, "num_attention_heads": 8,
  "num_hidden_layers": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "vocab_size": 4096,
  "num_experts": 16, "num_experts_per_tok": 4, "moe_intermediate_size": 128, "norm_topk_prob": true,
  "decoder_sparse_step": 1, "mlp_only_layers": [], "rope_theta": 10000.0, "rope_scaling": null})";

inline constexpr std::string_view kGlmText = R"({
  "model_type": "glm4_moe_lite", "architectures": ["Glm4MoeLiteForCausalLM"], "hidden_act": "silu",
  "hidden_size": 256, "intermediate_size": 512, "max_position_embeddings": 4096, "num_attention_heads": 4,
  "num_key_value_heads": 4, "num_hidden_layers": 8, "rms_norm_eps": 1e-05, "vocab_size": 4096,
  "q_lora_rank": 128, "kv_lora_rank": 96, "qk_nope_head_dim": 48, "qk_rope_head_dim": 16, "v_head_dim": 80,
  "n_routed_experts": 16, "n_shared_experts": 2, "num_experts_per_tok": 4, "moe_intermediate_size": 128,
  "n_group": 1, "topk_group": 1, "topk_method": "noaux_tc", "norm_topk_prob": true, "routed_scaling_factor": 1.8,
  "first_k_dense_replace": 1, "partial_rotary_factor": 1.0, "rope_scaling": null, "rope_theta": 1000000,
  "tie_word_embeddings": false, "dtype": "bfloat16"})";

/// Numbers of the published DeepSeek-V3 where they matter (rope, groups), small elsewhere.
inline constexpr std::string_view kDeepseekText = R"({
  "model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"], "hidden_act": "silu", "hidden_size": 512,
  "intermediate_size": 1024, "max_position_embeddings": 163840, "num_attention_heads": 4, "num_key_value_heads": 4,
  "num_hidden_layers": 6, "rms_norm_eps": 1e-06, "vocab_size": 4096, "q_lora_rank": 128, "kv_lora_rank": 64,
  "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 256, "n_shared_experts": 1,
  "num_experts_per_tok": 8, "moe_intermediate_size": 64, "moe_layer_freq": 1, "n_group": 8, "topk_group": 4,
  "scoring_func": "sigmoid", "topk_method": "noaux_tc", "norm_topk_prob": true, "routed_scaling_factor": 2.5,
  "first_k_dense_replace": 3, "rope_theta": 10000, "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40,
  "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096, "type": "yarn"}})";

/// A config with one key set to a JSON value; an empty value removes the key. Objects, not texts, because serializing
/// does not keep 1e400.
inline boost::json::object with(boost::json::object config, std::string_view key, std::string_view json_value) {
  config.erase(key);
  if (!json_value.empty()) config[key] = parse_json(json_value, "test value");
  return config;
}

inline boost::json::object with(std::string_view text, std::string_view key, std::string_view json_value) {
  return with(parse_json(text, "test config").as_object(), key, json_value);
}

template <typename Config>
boost::json::object without(const Config& config, std::string_view key) {
  return with(config, key, "");
}

inline ModelConfig parse_config(const boost::json::object& config) { return parse_model_config(config); }
inline ModelConfig parse_config(std::string_view text) { return parse_model_config(parse_json(text, "config.json")); }

}  // namespace marlin::test
