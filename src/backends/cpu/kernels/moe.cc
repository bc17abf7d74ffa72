// SPDX-License-Identifier: Apache-2.0
// The experts of a layer, all in one launch per phase. moe_gather: an item is a slot. moe_gate_up and moe_down: an item
// is (active expert, block of 128 outputs) and covers all slots of that expert, so each weight is decoded once.
// moe_combine: an item is a row.
#include "abi/moe.h"

#include <algorithm>

#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/matmul_block.h"
#include "backends/cpu/kernels/swiglu.h"
#include "backends/cpu/kernels/transform.h"

namespace marlin::cpu {
namespace {

const abi::Expert* expert_table(const abi::MoeArguments& args) {
  return reinterpret_cast<const abi::Expert*>(args.experts);
}

/// Items for n_blocks blocks of every expert that can be active; those that are not end at once.
std::uint32_t expert_items(const abi::MoeArguments& args, std::uint32_t width) {
  return std::min(args.n_experts, args.n_rows * args.slots_per_row) * ((width + kBlockOutputs - 1) / kBlockOutputs);
}

/// What an item of an (active expert, block) grid works on.
struct ExpertWork {
  const abi::Expert* expert;  // null: nothing to do
  std::uint32_t block;
  std::size_t first_position;
  std::size_t n_positions;
};

ExpertWork expert_work(const abi::MoeArguments& args, std::uint32_t item, std::uint32_t width,
                       const std::int32_t* offsets, const std::int32_t* active) {
  const std::uint32_t blocks = (width + kBlockOutputs - 1) / kBlockOutputs;
  const auto index = static_cast<std::int32_t>(item / blocks);
  if (index >= active[0]) return {};
  const std::int32_t expert = active[1 + index];
  return {expert_table(args) + expert, item % blocks, static_cast<std::size_t>(offsets[expert]),
          static_cast<std::size_t>(offsets[expert + 1] - offsets[expert])};
}

}  // namespace

std::uint32_t moe_gather_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::MoeArguments*>(arguments);
  return args.n_rows * args.slots_per_row;
}

void moe_gather(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::MoeArguments>();
  const auto* x = call.binding<const float>(0);
  const auto* offsets = call.binding<const std::int32_t>(1);
  const auto* sorted_slots = call.binding<const std::int32_t>(2);
  for (std::size_t position = begin; position < end; ++position) {
    const auto* above = std::upper_bound(offsets, offsets + args.n_experts + 1, static_cast<std::int32_t>(position));
    const abi::Expert& expert = expert_table(args)[above - offsets - 1];
    const float* row = x + static_cast<std::size_t>(sorted_slots[position]) / args.slots_per_row * args.hidden;
    transform_row(expert.gate, row, call.binding<float>(3) + position * args.in_stride);
    transform_row(expert.up, row, call.binding<float>(4) + position * args.in_stride);
  }
}

std::uint32_t moe_gate_up_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::MoeArguments*>(arguments);
  return expert_items(args, args.inner_stride);
}

void moe_gate_up(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::MoeArguments>();
  auto* gate = call.scratch<float>();
  auto* up = gate + kBlockRows * kBlockOutputs;
  auto* scratch = reinterpret_cast<std::byte*>(up + kBlockRows * kBlockOutputs);
  for (std::uint32_t item = begin; item < end; ++item) {
    const ExpertWork work = expert_work(args, item, args.inner_stride, call.binding<const std::int32_t>(2),
                                        call.binding<const std::int32_t>(3));
    if (work.expert == nullptr || work.block * kBlockOutputs >= work.expert->down.stored_in) continue;
    for (std::size_t i = 0; i < work.n_positions; i += kBlockRows) {
      const auto n_rows = static_cast<std::uint32_t>(std::min<std::size_t>(kBlockRows, work.n_positions - i));
      const std::size_t position = work.first_position + i;
      const std::size_t in = position * args.in_stride;
      matmul_block(work.expert->gate, call.binding<const float>(0) + in, args.in_stride, n_rows, work.block, gate,
                   scratch);
      matmul_block(work.expert->up, call.binding<const float>(1) + in, args.in_stride, n_rows, work.block, up, scratch);
      swiglu_block(work.expert->down, gate, up, n_rows, work.block,
                   call.binding<float>(4) + position * args.inner_stride, args.inner_stride);
    }
  }
}

std::uint32_t moe_down_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::MoeArguments*>(arguments);
  return expert_items(args, args.hidden);
}

void moe_down(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::MoeArguments>();
  auto* out = call.scratch<float>();
  auto* scratch = reinterpret_cast<std::byte*>(out + kBlockRows * kBlockOutputs);
  for (std::uint32_t item = begin; item < end; ++item) {
    const ExpertWork work =
        expert_work(args, item, args.hidden, call.binding<const std::int32_t>(1), call.binding<const std::int32_t>(2));
    if (work.expert == nullptr) continue;
    const std::uint32_t first = work.block * kBlockOutputs;
    const std::uint32_t n_outputs = std::min(kBlockOutputs, args.hidden - first);
    for (std::size_t i = 0; i < work.n_positions; i += kBlockRows) {
      const auto n_rows = static_cast<std::uint32_t>(std::min<std::size_t>(kBlockRows, work.n_positions - i));
      const std::size_t position = work.first_position + i;
      matmul_block(work.expert->down, call.binding<const float>(0) + position * args.inner_stride, args.inner_stride,
                   n_rows, work.block, out, scratch);
      for (std::size_t row = 0; row < n_rows; ++row) {
        std::copy(out + row * kBlockOutputs, out + row * kBlockOutputs + n_outputs,
                  call.binding<float>(3) + (position + row) * args.hidden + first);
      }
    }
  }
}

std::uint32_t moe_combine_items(const std::byte* arguments) {
  return reinterpret_cast<const abi::MoeCombineArguments*>(arguments)->n_rows;
}

void moe_combine(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::MoeCombineArguments>();
  const auto* expert_out = call.binding<const float>(0);
  const auto* weights = call.binding<const float>(1);
  const auto* slot_position = call.binding<const std::int32_t>(2);
  for (std::size_t row = begin; row < end; ++row) {
    float* x = call.binding<float>(3) + row * args.hidden;
    for (std::size_t slot = row * args.slots_per_row; slot < (row + 1) * args.slots_per_row; ++slot) {
      const float weight = weights[slot];
      const float* y = expert_out + static_cast<std::size_t>(slot_position[slot]) * args.hidden;
      for (std::size_t i = 0; i < args.hidden; ++i) x[i] += weight * y[i];
    }
  }
}

}  // namespace marlin::cpu
