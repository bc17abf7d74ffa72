// SPDX-License-Identifier: Apache-2.0
// Parts of a forward pass, for profiles and traces.
#pragma once

#include <cstddef>
#include <string_view>

#include "metal_marlin/profile.h"

namespace marlin {

enum class Stage { kEmbedding, kNorm, kAttention, kRouter, kExperts, kSharedExpert, kHead, kSampling };

/// In the order of kProfileStages, which names them.
constexpr std::string_view stage_name(Stage stage) { return kProfileStages[static_cast<std::size_t>(stage)]; }

}  // namespace marlin
