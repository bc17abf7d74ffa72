// SPDX-License-Identifier: Apache-2.0
// Parts of a forward pass, for profiles and traces.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace marlin {

enum class Stage { kEmbedding, kNorm, kAttention, kRouter, kExperts, kSharedExpert, kHead, kSampling };

inline constexpr std::size_t kStages = 8;

constexpr std::string_view stage_name(Stage stage) {
  constexpr std::array<std::string_view, kStages> kNames = {"embedding", "norms",         "attention", "router",
                                                            "experts",   "shared expert", "head",      "sampling"};
  return kNames[static_cast<std::size_t>(stage)];
}

}  // namespace marlin
