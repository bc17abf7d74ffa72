// SPDX-License-Identifier: Apache-2.0
// A gated MLP over a table of experts, all of a layer's work in one launch per phase. A row has `slots_per_row` slots:
// its top_k routed experts and, last, the shared expert if there is one (index n_experts - 1 of the table, weight 1). A
// dense MLP is the case of one shared expert and no router. slot = row * slots_per_row + k.
//
// router_f32       chooses: logits f32 [n_rows, n_routed] read; ids i32, weights f32 [n_rows, slots_per_row] written.
// expert_sort_i32  groups slots by expert, stably: ids read; offsets i32 [n_experts + 1], active i32 [n_experts + 1]
// (count,
//                  then the experts that have slots), sorted_slots i32 [n_slots], slot_position i32 [n_slots] written.
// moe_gather_f32   inputs in sorted order, transformed as each expert's gate and up want them: x f32 [n_rows, hidden],
//                  offsets, sorted_slots read; gate_in, up_in f32 [n_slots, in_stride] written.
// moe_gate_up_<variant>_f32  silu(gate) * up, transformed as down wants it: gate_in, up_in, offsets, active read;
//                  inner f32 [n_slots, inner_stride] written.
// moe_down_<variant>_f32     inner, offsets, active read; expert_out f32 [n_slots, hidden] written.
//                  These two are moe_trellis_swiglu; variants as in abi/kernel_variant.h. They run the experts
//                  first_expert .. + n_selected of the table, normally all: work items are (active expert, tile).
// moe_combine_f32  x += sum over slots of weight * expert_out: expert_out, weights, slot_position read; x updated.
// "Transformed" is exl3_transform_f32 for an EXL3 matrix and a plain copy otherwise; see abi/matmul.h.
#pragma once

#include "abi/matrix.h"

namespace marlin::abi {

struct Expert {
  Matrix gate;
  Matrix up;
  Matrix down;
};
static_assert(sizeof(Expert) == 192);

enum class RouterScoring : std::uint32_t { kSoftmax = 0, kSigmoid = 1 };

struct RouterArguments {
  std::uint64_t correction_bias;  // f32 [n_routed], added for the choice only, or 0
  std::uint32_t n_rows;
  std::uint32_t n_routed;
  std::uint32_t top_k;
  std::uint32_t slots_per_row;  // top_k, or top_k + 1 with a shared expert
  RouterScoring scoring;
  std::uint32_t normalize;  // 0 or 1
  float scaling;
  std::uint32_t n_groups;
  std::uint32_t top_k_groups;
  std::uint32_t reserved;
};
static_assert(sizeof(RouterArguments) == 48);

struct ExpertSortArguments {
  std::uint32_t n_slots;
  std::uint32_t n_experts;
};
static_assert(sizeof(ExpertSortArguments) == 8);

/// Of moe_gather_f32, moe_gate_up_<variant>_f32 and moe_down_<variant>_f32.
struct MoeArguments {
  std::uint64_t experts;  // Expert [n_experts]
  std::uint32_t n_experts;
  std::uint32_t n_rows;
  std::uint32_t slots_per_row;
  std::uint32_t hidden;
  std::uint32_t in_stride;     // in floats; the largest stored_in of a gate or up
  std::uint32_t inner_stride;  // in floats; the largest stored_in of a down
  std::uint32_t first_expert;
  std::uint32_t n_selected;
  // What a kernel may be specialised for (matrix_encoding); results do not depend on it. {a, b}: every gate and up of
  // the table (every down) has one of the two; {a, kAnyEncoding}: many have a; twice kAnyEncoding: nothing is known.
  std::uint32_t gate_up_encodings[2];
  std::uint32_t down_encodings[2];
};
static_assert(sizeof(MoeArguments) == 56);

struct MoeCombineArguments {
  std::uint32_t n_rows;
  std::uint32_t slots_per_row;
  std::uint32_t hidden;
  std::uint32_t reserved;
};
static_assert(sizeof(MoeCombineArguments) == 16);

}  // namespace marlin::abi
