// SPDX-License-Identifier: Apache-2.0
// A model as data: everything the forward pass needs to know about a checkpoint except its tensors. Made from
// config.json by the architecture's file in model/arch; read by weight binding, memory planning and the forward pass.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace marlin {

enum class RopeScaling { kNone, kLinear, kLlama3, kYarn };

/// How the rotated pairs lie in a head: (i, i + d/2), or (2i, 2i + 1).
enum class RopeLayout { kHalves, kInterleaved };

struct RopeConfig {
  double theta = 10000.0;
  RopeLayout layout = RopeLayout::kHalves;
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1.0;
  double low_freq_factor = 1.0;       // llama3
  double high_freq_factor = 4.0;      // llama3
  double original_max_positions = 0;  // llama3, yarn
  double beta_fast = 32.0;            // yarn
  double beta_slow = 1.0;             // yarn
  double attention_factor = 1.0;      // yarn: multiplies cos and sin (already resolved from mscale, mscale_all_dim)

  friend bool operator==(const RopeConfig&, const RopeConfig&) = default;
};

enum class AttentionKind {
  kGrouped,  ///< q, k, v projections, n_kv_heads shared by groups of query heads; optional per-head RMS norm of q and k
  kLatent,   ///< multi-head latent attention (DeepSeek): the cache holds kv_lora_rank + qk_rope_head_dim per token
};

struct AttentionConfig {
  AttentionKind kind = AttentionKind::kGrouped;
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;        // grouped
  std::int64_t head_dim = 0;          // grouped
  bool qk_norm = false;               // grouped: q_norm and k_norm tensors exist (qwen3)
  std::int64_t q_lora_rank = 0;       // latent; 0 = one q_proj instead of q_a and q_b
  std::int64_t kv_lora_rank = 0;      // latent
  std::int64_t qk_nope_head_dim = 0;  // latent
  std::int64_t qk_rope_head_dim = 0;  // latent
  std::int64_t v_head_dim = 0;        // latent
  double latent_norm_eps = 1e-6;      // latent: q_a_layernorm and kv_a_layernorm
  double softmax_scale = 0;           // multiplies q.k; includes YaRN's correction

  friend bool operator==(const AttentionConfig&, const AttentionConfig&) = default;
};

enum class RouterScoring { kSoftmax, kSigmoid };

struct MoeConfig {
  std::int64_t n_experts = 0;  // 0 = no routed experts anywhere
  std::int64_t top_k = 0;
  std::int64_t intermediate_size = 0;         // of one routed expert
  std::int64_t shared_intermediate_size = 0;  // of the shared expert; 0 = none
  RouterScoring scoring = RouterScoring::kSoftmax;
  bool correction_bias = false;  // e_score_correction_bias, added for the choice only
  bool normalize_top_k = true;
  double scaling = 1.0;           // routed_scaling_factor
  std::int64_t n_groups = 1;      // group-limited routing: experts are chosen inside the best top_k_groups groups;
  std::int64_t top_k_groups = 1;  // a group's score is the sum of its two best

  friend bool operator==(const MoeConfig&, const MoeConfig&) = default;
};

struct ModelConfig {
  std::string architecture;  // model_type, as in config.json
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t n_layers = 0;
  std::int64_t max_positions = 0;
  std::int64_t intermediate_size = 0;  // of dense layers
  double rms_norm_eps = 1e-6;
  bool tie_word_embeddings = false;
  AttentionConfig attention;
  RopeConfig rope;
  MoeConfig moe;
  std::vector<bool> layer_is_moe;  // [n_layers]

  friend bool operator==(const ModelConfig&, const ModelConfig&) = default;
};

}  // namespace marlin
