// SPDX-License-Identifier: Apache-2.0
#include "ops/moe.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "ops/kernel_variant.h"
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

/// Occurrences by encoding.
using Encodings = std::map<std::uint32_t, std::int64_t>;

void count(Encodings& encodings, const abi::Matrix& matrix) { ++encodings[abi::matrix_encoding(matrix)]; }

/// The most frequent one, and the other if there are two.
std::array<std::uint32_t, 2> most_frequent(const Encodings& encodings) {
  if (encodings.empty()) return {abi::kAnyEncoding, abi::kAnyEncoding};
  const auto first = std::max_element(encodings.begin(), encodings.end(),
                                      [](const auto& a, const auto& b) { return a.second < b.second; });
  if (encodings.size() == 1) return {first->first, first->first};
  if (encodings.size() > 2) return {first->first, abi::kAnyEncoding};
  const auto last = std::prev(encodings.end());
  return {first->first, first == last ? encodings.begin()->first : last->first};
}

}  // namespace

void set_table(MoeShape& shape, std::span<const abi::Expert> experts) {
  Encodings gate_up;
  Encodings down;
  shape.n_experts = static_cast<std::int64_t>(experts.size());
  for (const abi::Expert& expert : experts) {
    shape.in_stride = std::max<std::int64_t>({shape.in_stride, expert.gate.stored_in, expert.up.stored_in});
    shape.inner_stride = std::max<std::int64_t>(shape.inner_stride, expert.down.stored_in);
    count(gate_up, expert.gate);
    count(gate_up, expert.up);
    count(down, expert.down);
  }
  shape.gate_up_encodings = most_frequent(gate_up);
  shape.down_encodings = most_frequent(down);
}

void route(Encoder& encoder, const RouterShape& router, const MoeShape& shape, const BufferView& logits,
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
  encoder.dispatch("router_f32", arguments, {reads(logits), writes(routing.ids), writes(routing.weights)});
}

std::int64_t moe_scratch_floats(const MoeShape& shape, std::int64_t n_rows) {
  return n_rows * shape.slots_per_row * (2 * shape.in_stride + shape.inner_stride + shape.hidden);
}

MoeTrellisSwiglu::MoeTrellisSwiglu(const MoeShape& shape, const BufferView& experts, const BufferView& h,
                                   const RoutingBuffers& routing, const BufferView& x, std::int64_t n_rows,
                                   const BufferView& scratch, abi::KernelVariant variant)
    : shape_(shape),
      routing_(routing),
      h_(h),
      x_(x),
      arguments_{.experts = experts.device_address(),
                 .n_experts = u32(shape.n_experts),
                 .n_rows = u32(n_rows),
                 .slots_per_row = u32(shape.slots_per_row),
                 .hidden = u32(shape.hidden),
                 .in_stride = u32(shape.in_stride),
                 .inner_stride = u32(shape.inner_stride),
                 .first_expert = 0,
                 .n_selected = u32(shape.n_experts),
                 .gate_up_encodings = {shape.gate_up_encodings[0], shape.gate_up_encodings[1]},
                 .down_encodings = {shape.down_encodings[0], shape.down_encodings[1]}},
      variant_(variant) {
  const std::int64_t n_slots = n_rows * shape.slots_per_row;
  check_routing(shape, routing, n_rows);
  check_holds(experts, shape.n_experts, sizeof(abi::Expert));
  check_holds(h, n_rows * shape.hidden, sizeof(float));
  check_holds(x, n_rows * shape.hidden, sizeof(float));
  check_holds(scratch, moe_scratch_floats(shape, n_rows), sizeof(float));
  SpaceCutter space(scratch);
  gate_in_ = space.floats(n_slots * shape.in_stride);
  up_in_ = space.floats(n_slots * shape.in_stride);
  inner_ = space.floats(n_slots * shape.inner_stride);
  expert_out_ = space.floats(n_slots * shape.hidden);
}

void MoeTrellisSwiglu::gather(Encoder& encoder) const {
  encoder.dispatch("expert_sort_i32",
                   abi::ExpertSortArguments{.n_slots = arguments_.n_rows * arguments_.slots_per_row,
                                            .n_experts = arguments_.n_experts},
                   {reads(routing_.ids), writes(routing_.offsets), writes(routing_.active),
                    writes(routing_.sorted_slots), writes(routing_.slot_position)});
  encoder.dispatch(
      "moe_gather_f32", arguments_,
      {reads(h_), reads(routing_.offsets), reads(routing_.sorted_slots), writes(gate_in_), writes(up_in_)});
}

void MoeTrellisSwiglu::run_experts(Encoder& encoder, std::int64_t first, std::int64_t n) const {
  MARLIN_CHECK(first >= 0 && n >= 0 && first + n <= shape_.n_experts);
  abi::MoeArguments arguments = arguments_;
  arguments.first_expert = u32(first);
  arguments.n_selected = u32(n);
  encoder.dispatch(kernel_of(kMoeGateUpKernels, variant_), arguments,
                   {reads(gate_in_), reads(up_in_), reads(routing_.offsets), reads(routing_.active), writes(inner_)});
  encoder.dispatch(kernel_of(kMoeDownKernels, variant_), arguments,
                   {reads(inner_), reads(routing_.offsets), reads(routing_.active), writes(expert_out_)});
}

void MoeTrellisSwiglu::combine(Encoder& encoder) const {
  encoder.dispatch("moe_combine_f32",
                   abi::MoeCombineArguments{.n_rows = arguments_.n_rows,
                                            .slots_per_row = arguments_.slots_per_row,
                                            .hidden = arguments_.hidden,
                                            .reserved = 0},
                   {reads(expert_out_), reads(routing_.weights), reads(routing_.slot_position), updates(x_)});
}

}  // namespace marlin::ops
