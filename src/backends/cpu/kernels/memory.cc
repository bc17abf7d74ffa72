// SPDX-License-Identifier: Apache-2.0
// fill_u32: an item is a stretch of 16384 values. finite_guard_f32: an item is a row.
#include <algorithm>
#include <cmath>

#include "abi/fill.h"
#include "abi/finite_guard.h"
#include "backends/cpu/kernels/kernels.h"
#include "base/error.h"

namespace marlin::cpu {
namespace {

constexpr std::uint64_t kStretch = 16384;

}  // namespace

std::uint32_t fill_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::FillArguments*>(arguments);
  return static_cast<std::uint32_t>((args.n + kStretch - 1) / kStretch);
}

void fill(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::FillArguments>();
  auto* destination = call.binding<std::uint32_t>(0);
  std::fill(destination + begin * kStretch, destination + std::min(args.n, end * kStretch), args.value);
}

std::uint32_t finite_guard_items(const std::byte* arguments) {
  return reinterpret_cast<const abi::FiniteGuardArguments*>(arguments)->n_rows;
}

void finite_guard(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::FiniteGuardArguments>();
  for (std::size_t row = begin; row < end; ++row) {
    const float* x = call.binding<const float>(0) + row * args.width;
    const float* wrong = std::find_if_not(x, x + args.width, [](float value) { return std::isfinite(value); });
    if (wrong == x + args.width) continue;
    const bool in_layer = args.stage == abi::GuardedStage::kAttention || args.stage == abi::GuardedStage::kMlp;
    fail(ErrorCode::kDevice, "{}{}: row {} holds {} at column {}; the weights or a kernel are broken",
         in_layer ? fmt::format("layer {}, ", args.layer) : "", abi::guarded_stage_name(args.stage), row, *wrong,
         wrong - x);
  }
}

}  // namespace marlin::cpu
