// SPDX-License-Identifier: Apache-2.0
// Keys shared by the decoder families.
#include "model/arch/decoder_config.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "io/json.h"
#include "model/arch/rope_config.h"

namespace marlin {

namespace json = boost::json;

namespace {

/// Windows come as a flag or, as transformers 5 writes it, layer by layer.
void refuse_sliding_windows(const JsonReader& config) {
  if (config.optional_boolean("use_sliding_window").value_or(false)) {
    fail(ErrorCode::kUnsupported, "{}: use_sliding_window = true is not supported", config.document());
  }
  const json::array* types = config.optional_array("layer_types");
  if (types == nullptr) return;
  for (const json::value& type : *types) {
    if (type != json::value("full_attention")) {
      fail(ErrorCode::kUnsupported, "{}: layer_types holds {}; only 'full_attention' is supported", config.document(),
           excerpt(json::serialize(type)));
    }
  }
}

}  // namespace

void require_string(const JsonReader& config, std::string_view key, std::string_view expected) {
  const std::string_view value = config.optional_string(key).value_or(expected);
  if (value != expected) {
    fail(ErrorCode::kUnsupported, "{}: {} is '{}'; only '{}' is supported", config.document(), key, excerpt(value),
         expected);
  }
}

void check_heads_width(const JsonReader& config, std::int64_t n_heads, std::int64_t head_dim) {
  if (n_heads * head_dim > kMaxWidth) {
    fail(ErrorCode::kBadFile, "{}: num_attention_heads {} with heads of {} is wider than {}", config.document(),
         n_heads, head_dim, kMaxWidth);
  }
}

ModelConfig parse_decoder(const JsonReader& config) {
  require_string(config, "hidden_act", "silu");
  ModelConfig model;
  model.vocab_size = config.integer("vocab_size", {1, kMaxVocabulary});
  model.hidden_size = config.integer("hidden_size", {1, kMaxWidth});
  model.n_layers = config.integer("num_hidden_layers", {1, kMaxLayers});
  model.max_positions = config.integer("max_position_embeddings", {1, kMaxPositions});
  model.intermediate_size = config.integer("intermediate_size", {1, kMaxWidth});
  model.rms_norm_eps = config.number("rms_norm_eps", {1e-30, 1.0});
  model.tie_word_embeddings = config.optional_boolean("tie_word_embeddings").value_or(false);
  model.layer_is_moe.assign(static_cast<std::size_t>(model.n_layers), false);
  return model;
}

void parse_grouped_attention(const JsonReader& config, std::optional<std::int64_t> default_head_dim, bool qk_norm,
                             ModelConfig& model) {
  refuse_sliding_windows(config);
  AttentionConfig& attention = model.attention;
  attention.kind = AttentionKind::kGrouped;
  attention.qk_norm = qk_norm;
  attention.n_heads = config.integer("num_attention_heads", {1, kMaxHeads});
  attention.n_kv_heads = config.optional_integer("num_key_value_heads", {1, kMaxHeads}).value_or(attention.n_heads);
  if (attention.n_heads % attention.n_kv_heads != 0) {
    fail(ErrorCode::kBadFile, "{}: num_attention_heads {} is not a multiple of num_key_value_heads {}",
         config.document(), attention.n_heads, attention.n_kv_heads);
  }
  if (const auto head_dim = config.optional_integer("head_dim", {1, kMaxHeadDim})) {
    attention.head_dim = *head_dim;
  } else if (default_head_dim) {
    attention.head_dim = *default_head_dim;
  } else {
    if (model.hidden_size % attention.n_heads != 0) {
      fail(ErrorCode::kBadFile, "{}: head_dim is absent and hidden_size {} is not a multiple of num_attention_heads {}",
           config.document(), model.hidden_size, attention.n_heads);
    }
    attention.head_dim = model.hidden_size / attention.n_heads;
  }
  if (attention.head_dim % 2 != 0) {
    fail(ErrorCode::kBadFile, "{}: head_dim {} must be even for rotary embeddings", config.document(),
         attention.head_dim);
  }
  check_heads_width(config, attention.n_heads, attention.head_dim);
  attention.softmax_scale = 1.0 / std::sqrt(static_cast<double>(attention.head_dim));
  const ParsedRope parsed = parse_rope(config, RopeLayout::kHalves, model.max_positions);
  model.rope = parsed.rope;
  model.max_positions = std::max(model.max_positions, parsed.extended_positions);
}

std::int64_t parse_expert_count(const JsonReader& config) {
  std::optional<std::int64_t> count;
  std::string_view source;
  for (const char* key : {"n_routed_experts", "num_experts", "num_local_experts"}) {
    const auto stated = config.optional_integer(key, {1, kMaxExperts});
    if (!stated) continue;
    if (count && *count != *stated) {
      fail(ErrorCode::kBadFile, "{}: {} is {} but {} is {}", config.document(), source, *count, key, *stated);
    }
    count = stated;
    source = key;
  }
  if (!count) {
    fail(ErrorCode::kBadFile,
         "{}: the number of experts is missing (n_routed_experts, num_experts or num_local_experts)",
         config.document());
  }
  return *count;
}

}  // namespace marlin
