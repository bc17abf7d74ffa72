// SPDX-License-Identifier: Apache-2.0
#include "ops/moe.h"

#include "ops/space_cutter.h"

namespace marlin::ops {
namespace {

void check_routing(const MoeShape& shape, const RoutingBuffers& routing, std::int64_t n_rows) {
  const std::int64_t n_slots = n_rows * shape.slots_per_row;
  for (const BufferView* view : {&routing.ids, &routing.weights, &routing.sorted_slots, &routing.slot_position}) {
    check_holds(*view, n_slots, 4);
  }
  check_holds(routing.offsets, shape.n_experts + 1, 4);
  check_holds(routing.active, shape.n_experts + 1, 4);
}

}  // namespace

void route(CommandBuffer& commands, const RouterShape& router, const MoeShape& shape, const BufferView& logits,
           const std::optional<BufferView>& correction_bias, const RoutingBuffers& routing, std::int64_t n_rows) {
  const std::int64_t n_routed = shape.n_experts - (shape.slots_per_row - router.top_k);
  MARLIN_CHECK(router.top_k > 0 && router.top_k <= n_routed && n_routed % router.n_groups == 0);
  check_holds(logits, n_rows * n_routed, sizeof(float));
  check_routing(shape, routing, n_rows);
  const abi::RouterArguments arguments{.correction_bias = correction_bias ? correction_bias->device_address() : 0,
                                       .n_rows = u32(n_rows),
                                       .n_routed = u32(n_routed),
                                       .top_k = u32(router.top_k),
                                       .slots_per_row = u32(shape.slots_per_row),
                                       .scoring = router.scoring,
                                       .normalize = router.normalize ? 1U : 0U,
                                       .scaling = static_cast<float>(router.scaling),
                                       .n_groups = u32(router.n_groups),
                                       .top_k_groups = u32(router.top_k_groups),
                                       .reserved = 0};
  commands.dispatch("router_f32", arguments, {reads(logits), writes(routing.ids), writes(routing.weights)});
}

std::int64_t moe_scratch_floats(const MoeShape& shape, std::int64_t n_rows) {
  return n_rows * shape.slots_per_row * (2 * shape.in_stride + shape.inner_stride + shape.hidden);
}

void moe(CommandBuffer& commands, const MoeShape& shape, const BufferView& experts, const BufferView& h,
         const RoutingBuffers& routing, const BufferView& x, std::int64_t n_rows, const BufferView& scratch) {
  const std::int64_t n_slots = n_rows * shape.slots_per_row;
  check_routing(shape, routing, n_rows);
  check_holds(experts, shape.n_experts, sizeof(abi::Expert));
  check_holds(h, n_rows * shape.hidden, sizeof(float));
  check_holds(x, n_rows * shape.hidden, sizeof(float));
  check_holds(scratch, moe_scratch_floats(shape, n_rows), sizeof(float));

  SpaceCutter space(scratch);
  const BufferView gate_in = space.floats(n_slots * shape.in_stride);
  const BufferView up_in = space.floats(n_slots * shape.in_stride);
  const BufferView inner = space.floats(n_slots * shape.inner_stride);
  const BufferView expert_out = space.floats(n_slots * shape.hidden);
  const abi::MoeArguments arguments{.experts = experts.device_address(),
                                    .n_experts = u32(shape.n_experts),
                                    .n_rows = u32(n_rows),
                                    .slots_per_row = u32(shape.slots_per_row),
                                    .hidden = u32(shape.hidden),
                                    .in_stride = u32(shape.in_stride),
                                    .inner_stride = u32(shape.inner_stride)};

  commands.dispatch("expert_sort_i32",
                    abi::ExpertSortArguments{.n_slots = u32(n_slots), .n_experts = u32(shape.n_experts)},
                    {reads(routing.ids), writes(routing.offsets), writes(routing.active), writes(routing.sorted_slots),
                     writes(routing.slot_position)});
  commands.dispatch("moe_gather_f32", arguments,
                    {reads(h), reads(routing.offsets), reads(routing.sorted_slots), writes(gate_in), writes(up_in)});
  commands.dispatch("moe_gate_up_f32", arguments,
                    {reads(gate_in), reads(up_in), reads(routing.offsets), reads(routing.active), writes(inner)});
  commands.dispatch("moe_down_f32", arguments,
                    {reads(inner), reads(routing.offsets), reads(routing.active), writes(expert_out)});
  commands.dispatch(
      "moe_combine_f32",
      abi::MoeCombineArguments{
          .n_rows = u32(n_rows), .slots_per_row = u32(shape.slots_per_row), .hidden = u32(shape.hidden), .reserved = 0},
      {reads(expert_out), reads(routing.weights), reads(routing.slot_position), updates(x)});
}

}  // namespace marlin::ops
