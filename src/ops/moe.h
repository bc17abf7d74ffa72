// SPDX-License-Identifier: Apache-2.0
// Gated MLPs by expert table: routing on the device, then all experts of a layer in one launch per phase. A dense MLP
// is the case of one shared expert without a router.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "abi/kernel_variant.h"
#include "abi/moe.h"
#include "device/encoder.h"
#include "ops/operand.h"

namespace marlin::ops {

struct RouterShape {
  std::int64_t top_k = 0;
  abi::RouterScoring scoring = abi::RouterScoring::kSoftmax;
  bool normalize = true;
  double scaling = 1.0;
  std::int64_t n_groups = 1;
  std::int64_t top_k_groups = 1;
};

struct MoeShape {
  std::int64_t n_experts = 0;      ///< in the table: routed, then the shared one if any
  std::int64_t slots_per_row = 0;  ///< top_k, plus 1 with a shared expert
  std::int64_t hidden = 0;
  std::int64_t in_stride = 0;     ///< largest stored_in of a gate or up of the table
  std::int64_t inner_stride = 0;  ///< largest stored_in of a down of the table
  std::array<std::uint32_t, 2> gate_up_encodings = {abi::kAnyEncoding, abi::kAnyEncoding};  ///< as in abi::MoeArguments
  std::array<std::uint32_t, 2> down_encodings = {abi::kAnyEncoding, abi::kAnyEncoding};
};

/// Sets what follows from the table: n_experts, strides, encodings.
void set_table(MoeShape& shape, std::span<const abi::Expert> experts);

/// Buffers of routing, for n_rows rows: ids i32 and weights f32 [n_rows, slots_per_row], offsets and active i32
/// [n_experts + 1], sorted_slots and slot_position i32 [n_rows * slots_per_row].
struct RoutingBuffers {
  BufferView ids;
  BufferView weights;
  BufferView offsets;
  BufferView active;
  BufferView sorted_slots;
  BufferView slot_position;
};

/// Fills ids and weights from router logits f32 [n_rows, n_routed]. correction_bias: f32 [n_routed], optional.
void route(Encoder& encoder, const RouterShape& router, const MoeShape& shape, const BufferView& logits,
           const std::optional<BufferView>& correction_bias, const RoutingBuffers& routing, std::int64_t n_rows);

/// Floats of scratch that MoeTrellisSwiglu needs for n_rows rows.
std::int64_t moe_scratch_floats(const MoeShape& shape, std::int64_t n_rows);

/// The gated MLPs of one layer, in three steps so that they can be launched together or expert by expert:
/// x[n_rows, hidden] += sum of weight * expert(h[n_rows, hidden]) over each row's slots. Weights and formats may differ
/// between projections and between experts.
class MoeTrellisSwiglu {
 public:
  /// experts: abi::Expert [n_experts]; scratch: moe_scratch_floats().
  MoeTrellisSwiglu(const MoeShape& shape, const BufferView& experts, const BufferView& h, const RoutingBuffers& routing,
                   const BufferView& x, std::int64_t n_rows, const BufferView& scratch, abi::KernelVariant variant);

  /// Sorts slots by expert, stably, and gathers their inputs.
  void gather(Encoder& encoder) const;

  /// Gate, up, SwiGLU and down of experts first .. + n of the table, active or not: two launches.
  void run_experts(Encoder& encoder, std::int64_t first, std::int64_t n) const;

  /// Adds the weighted outputs to x.
  void combine(Encoder& encoder) const;

 private:
  MoeShape shape_;
  RoutingBuffers routing_;
  BufferView h_;
  BufferView x_;
  BufferView gate_in_;
  BufferView up_in_;
  BufferView inner_;
  BufferView expert_out_;
  abi::MoeArguments arguments_;
  abi::KernelVariant variant_;
};

}  // namespace marlin::ops
