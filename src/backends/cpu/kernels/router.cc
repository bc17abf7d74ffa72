// SPDX-License-Identifier: Apache-2.0
// Which experts serve each row (router_f32, an item is a row), and the slots grouped by expert (expert_sort_i32, one
// item).
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "abi/moe.h"
#include "backends/cpu/kernels/kernels.h"
#include "base/error.h"

namespace marlin::cpu {
namespace {

constexpr float kExcluded = -std::numeric_limits<float>::infinity();

void score_experts(const abi::RouterArguments& args, const float* logits, float* scores) {
  const std::size_t n = args.n_routed;
  if (args.scoring == abi::RouterScoring::kSigmoid) {
    for (std::size_t i = 0; i < n; ++i) scores[i] = 1.0F / (1.0F + std::exp(-logits[i]));
    return;
  }
  const float maximum = *std::max_element(logits, logits + n);
  float sum = 0.0F;
  for (std::size_t i = 0; i < n; ++i) sum += scores[i] = std::exp(logits[i] - maximum);
  for (std::size_t i = 0; i < n; ++i) scores[i] /= sum;
}

/// Excludes all experts but those of the top_k_groups groups whose two best choices have the largest sum.
void keep_best_groups(const abi::RouterArguments& args, float* choices) {
  const std::size_t group_size = args.n_routed / args.n_groups;
  for (std::uint32_t kept = args.n_groups; kept > args.top_k_groups; --kept) {
    std::size_t worst = 0;
    float worst_score = std::numeric_limits<float>::infinity();
    for (std::size_t group = 0; group < args.n_groups; ++group) {
      float first = kExcluded;
      float second = kExcluded;
      for (std::size_t i = group * group_size; i < (group + 1) * group_size; ++i) {
        if (choices[i] > first) {
          second = std::exchange(first, choices[i]);
        } else {
          second = std::max(second, choices[i]);
        }
      }
      if (first == kExcluded) continue;  // excluded before
      const float score = group_size > 1 ? first + second : first;
      if (score <= worst_score) {  // ties keep the lower index
        worst_score = score;
        worst = group;
      }
    }
    std::fill(choices + worst * group_size, choices + (worst + 1) * group_size, kExcluded);
  }
}

void route(const abi::RouterArguments& args, const float* logits, std::int32_t* ids, float* weights, float* scratch) {
  const std::size_t n = args.n_routed;
  float* scores = scratch;
  float* choices = scratch + n;
  score_experts(args, logits, scores);
  const auto* bias = reinterpret_cast<const float*>(args.correction_bias);
  for (std::size_t i = 0; i < n; ++i) choices[i] = scores[i] + (bias == nullptr ? 0.0F : bias[i]);
  if (args.n_groups > 1) keep_best_groups(args, choices);

  float sum = 0.0F;
  for (std::uint32_t k = 0; k < args.top_k; ++k) {
    const auto best =
        static_cast<std::size_t>(std::max_element(choices, choices + n) - choices);  // lowest index of ties
    if (!std::isfinite(choices[best])) fail(ErrorCode::kDevice, "router scores are not finite");
    ids[k] = static_cast<std::int32_t>(best);
    weights[k] = scores[best];
    sum += scores[best];
    choices[best] = kExcluded;
  }
  const float factor = args.scaling / (args.normalize != 0 ? sum + 1e-20F : 1.0F);
  for (std::uint32_t k = 0; k < args.top_k; ++k) weights[k] *= factor;
  if (args.slots_per_row > args.top_k) {  // the shared expert follows the routed ones in the table
    ids[args.top_k] = static_cast<std::int32_t>(args.n_routed);
    weights[args.top_k] = 1.0F;
  }
}

}  // namespace

std::uint32_t router_items(const std::byte* arguments) {
  return reinterpret_cast<const abi::RouterArguments*>(arguments)->n_rows;
}

void router(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::RouterArguments>();
  for (std::size_t row = begin; row < end; ++row) {
    route(args, call.binding<const float>(0) + row * args.n_routed,
          call.binding<std::int32_t>(1) + row * args.slots_per_row, call.binding<float>(2) + row * args.slots_per_row,
          call.scratch<float>());
  }
}

std::uint32_t expert_sort_items(const std::byte* /*arguments*/) { return 1; }

void expert_sort(const KernelCall& call, std::uint32_t /*begin*/, std::uint32_t /*end*/) {
  const auto& args = call.arguments<abi::ExpertSortArguments>();
  const auto* ids = call.binding<const std::int32_t>(0);
  auto* offsets = call.binding<std::int32_t>(1);
  auto* active = call.binding<std::int32_t>(2);
  auto* sorted_slots = call.binding<std::int32_t>(3);
  auto* slot_position = call.binding<std::int32_t>(4);
  auto* next = call.scratch<std::int32_t>();  // where the next slot of each expert goes

  std::fill(offsets, offsets + args.n_experts + 1, 0);
  for (std::uint32_t slot = 0; slot < args.n_slots; ++slot) ++offsets[ids[slot] + 1];
  std::int32_t n_active = 0;
  for (std::uint32_t expert = 0; expert < args.n_experts; ++expert) {
    if (offsets[expert + 1] > 0) active[++n_active] = static_cast<std::int32_t>(expert);
  }
  active[0] = n_active;
  std::partial_sum(offsets, offsets + args.n_experts + 1, offsets);
  std::copy(offsets, offsets + args.n_experts, next);
  for (std::uint32_t slot = 0; slot < args.n_slots; ++slot) {
    const std::int32_t position = next[ids[slot]]++;
    sorted_slots[position] = static_cast<std::int32_t>(slot);
    slot_position[slot] = position;
  }
}

}  // namespace marlin::cpu
