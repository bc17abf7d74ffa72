// SPDX-License-Identifier: Apache-2.0
// The parts of config.json that the decoder families share. Each architecture file starts from parse_decoder and adds
// what is its own; the limits here keep every later product of two sizes far from overflow.
#pragma once

#include <cstdint>
#include <optional>

#include "io/json_reader.h"
#include "model/config.h"

namespace marlin {

/// Upper limits of what a config may state.
inline constexpr std::int64_t kMaxWidth = 1'000'000;  // hidden sizes, ranks
inline constexpr std::int64_t kMaxHeadDim = 65'536;
inline constexpr std::int64_t kMaxHeads = 65'536;
inline constexpr std::int64_t kMaxExperts = 4'096;
inline constexpr std::int64_t kMaxLayers = 1'000;
inline constexpr std::int64_t kMaxVocabulary = std::int64_t{4} << 20;
inline constexpr std::int64_t kMaxPositions = 1'000'000'000;

/// Sizes, norm epsilon and tied embeddings; layer_is_moe all false. Refuses activations other than silu (kUnsupported).
ModelConfig parse_decoder(const JsonReader& config);

/// Fills attention (grouped) and rope, and raises max_positions to what YaRN makes of it. `default_head_dim` stands in
/// for an absent `head_dim`; without it the head is hidden_size / n_heads. Refuses sliding windows (kUnsupported).
void parse_grouped_attention(const JsonReader& config, std::optional<std::int64_t> default_head_dim, bool qk_norm,
                             ModelConfig& model);

/// The number of routed experts: `n_routed_experts`, `num_experts` or `num_local_experts`; those present must agree.
std::int64_t parse_expert_count(const JsonReader& config);

/// Fails with kUnsupported unless the string under `key` is absent or `expected`.
void require_string(const JsonReader& config, std::string_view key, std::string_view expected);

/// Fails with kBadFile unless heads x dimension is at most kMaxWidth.
void check_heads_width(const JsonReader& config, std::int64_t n_heads, std::int64_t head_dim);

}  // namespace marlin
