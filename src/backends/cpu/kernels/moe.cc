// SPDX-License-Identifier: Apache-2.0
// The experts of a layer, all in one launch per phase. moe_gather: an item is a slot. moe_gate_up and moe_down: an item
// is (active expert, tile): a block of 128 outputs for all slots of the expert, or of large_batch for 128 of them.
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

template <abi::KernelVariant kVariant>
constexpr std::uint32_t kTileRows = abi::variant_row_tile(kVariant);
static_assert(kTileRows<abi::KernelVariant::kLargeBatch> <= kBlockRows);

std::uint32_t output_blocks(std::uint32_t width) { return (width + kBlockOutputs - 1) / kBlockOutputs; }

/// Enough items for whatever the routing turns out to be; those without work end at once. An item is a block of
/// outputs of an expert, of large_batch a block for one tile of its rows.
template <abi::KernelVariant kVariant>
std::uint32_t expert_items(const abi::MoeArguments& args, std::uint32_t width) {
  const std::uint32_t n_slots = args.n_rows * args.slots_per_row;
  std::uint32_t n_tiles = args.n_selected == args.n_experts ? std::min(args.n_selected, n_slots) : args.n_selected;
  if (kVariant == abi::KernelVariant::kLargeBatch) n_tiles += n_slots / kTileRows<kVariant>;
  return n_tiles * output_blocks(width);
}

/// What an item works on: rows first_position .. + n_positions of the sorted slots.
struct ExpertWork {
  const abi::Expert* expert;  // null: nothing to do
  std::uint32_t block;
  std::uint32_t first_position;
  std::uint32_t n_positions;
};

/// `tile` counts the row tiles of large_batch, else the experts that may have work.
template <abi::KernelVariant kVariant>
ExpertWork expert_work(const abi::MoeArguments& args, std::uint32_t item, std::uint32_t width,
                       const std::int32_t* offsets, const std::int32_t* active) {
  const std::uint32_t n_blocks = output_blocks(width);
  std::uint32_t tile = item / n_blocks;
  const bool all = args.n_selected == args.n_experts;  // then only the active ones are looked at
  const auto n_candidates = all ? static_cast<std::uint32_t>(active[0]) : args.n_selected;
  constexpr bool kTiled = kVariant == abi::KernelVariant::kLargeBatch;
  for (std::uint32_t i = kTiled ? 0 : tile; i < n_candidates; ++i) {
    const std::uint32_t index = all ? static_cast<std::uint32_t>(active[1 + i]) : args.first_expert + i;
    const auto first = static_cast<std::uint32_t>(offsets[index]);
    const std::uint32_t n = static_cast<std::uint32_t>(offsets[index + 1]) - first;
    const abi::Expert* expert = n == 0 ? nullptr : expert_table(args) + index;
    if (!kTiled) return {expert, item % n_blocks, first, n};
    const std::uint32_t n_tiles = (n + kTileRows<kVariant> - 1) / kTileRows<kVariant>;
    if (tile < n_tiles) {
      const std::uint32_t skipped = tile * kTileRows<kVariant>;
      return {expert, item % n_blocks, first + skipped, std::min(kTileRows<kVariant>, n - skipped)};
    }
    tile -= n_tiles;
  }
  return {};
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

template <abi::KernelVariant kVariant>
std::uint32_t moe_gate_up_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::MoeArguments*>(arguments);
  return expert_items<kVariant>(args, args.inner_stride);
}

template <abi::KernelVariant kVariant>
void moe_gate_up(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::MoeArguments>();
  auto* gate = call.scratch<float>();
  auto* up = gate + kBlockRows * kBlockOutputs;
  auto* scratch = reinterpret_cast<std::byte*>(up + kBlockRows * kBlockOutputs);
  for (std::uint32_t item = begin; item < end; ++item) {
    const ExpertWork work = expert_work<kVariant>(args, item, args.inner_stride, call.binding<const std::int32_t>(2),
                                                  call.binding<const std::int32_t>(3));
    if (work.expert == nullptr || work.block * kBlockOutputs >= work.expert->down.stored_in) continue;
    for (std::uint32_t i = 0; i < work.n_positions; i += kTileRows<kVariant>) {
      const std::uint32_t n_rows = std::min(kTileRows<kVariant>, work.n_positions - i);
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

MARLIN_CPU_INSTANTIATE_VARIANTS(moe_gate_up);

template <abi::KernelVariant kVariant>
std::uint32_t moe_down_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::MoeArguments*>(arguments);
  return expert_items<kVariant>(args, args.hidden);
}

template <abi::KernelVariant kVariant>
void moe_down(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::MoeArguments>();
  auto* out = call.scratch<float>();
  auto* scratch = reinterpret_cast<std::byte*>(out + kBlockRows * kBlockOutputs);
  for (std::uint32_t item = begin; item < end; ++item) {
    const ExpertWork work = expert_work<kVariant>(args, item, args.hidden, call.binding<const std::int32_t>(1),
                                                  call.binding<const std::int32_t>(2));
    if (work.expert == nullptr) continue;
    const std::uint32_t first = work.block * kBlockOutputs;
    const std::uint32_t n_outputs = std::min(kBlockOutputs, args.hidden - first);
    for (std::uint32_t i = 0; i < work.n_positions; i += kTileRows<kVariant>) {
      const std::uint32_t n_rows = std::min(kTileRows<kVariant>, work.n_positions - i);
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

MARLIN_CPU_INSTANTIATE_VARIANTS(moe_down);

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
