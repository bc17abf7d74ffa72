// SPDX-License-Identifier: Apache-2.0
// finite_guard_f32: fails its command buffer, naming layer and stage, if x holds a NaN or an infinity. For debugging.
// Bindings: x f32 [n_rows, width] read.
#pragma once

#include <cstdint>
#if !defined(__METAL_VERSION__)
#include <array>
#include <string_view>
#endif

namespace marlin::abi {

/// What the residual stream has just been through.
enum class GuardedStage : std::uint32_t { kEmbedding = 0, kAttention = 1, kMlp = 2, kHead = 3 };

#if !defined(__METAL_VERSION__)
constexpr std::string_view guarded_stage_name(GuardedStage stage) {
  constexpr std::array<std::string_view, 4> kNames = {"embedding", "attention", "mlp", "head"};
  return kNames[static_cast<std::size_t>(stage)];
}
#endif

struct FiniteGuardArguments {
  std::uint32_t n_rows;
  std::uint32_t width;
  std::uint32_t layer;  // of kAttention and kMlp
  GuardedStage stage;
};
static_assert(sizeof(FiniteGuardArguments) == 16);

}  // namespace marlin::abi
