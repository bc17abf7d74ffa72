// SPDX-License-Identifier: Apache-2.0
// mask_logits_f32: an item is a stretch of 16384 logits, that is 512 words of the mask.
#include "abi/mask_logits.h"

#include <algorithm>
#include <limits>

#include "backends/cpu/kernels/kernels.h"

namespace marlin::cpu {
namespace {

constexpr std::uint64_t kStretch = 16384;
constexpr std::uint64_t kWordBits = 32;

}  // namespace

std::uint32_t mask_logits_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::MaskLogitsArguments*>(arguments);
  return static_cast<std::uint32_t>((args.n + kStretch - 1) / kStretch);
}

void mask_logits(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::MaskLogitsArguments>();
  auto* logits = call.binding<float>(0);
  const auto* mask = call.binding<const std::uint32_t>(1);
  const std::uint64_t last = std::min(args.n, end * kStretch);
  for (std::uint64_t first = begin * kStretch; first < last; first += kWordBits) {
    const std::uint32_t allowed = mask[first / kWordBits];
    const std::uint64_t n = std::min(kWordBits, last - first);
    for (std::uint64_t i = 0; i < n; ++i) {
      const float logit = logits[first + i];
      logits[first + i] = (allowed >> i & 1U) != 0 ? logit : -std::numeric_limits<float>::infinity();
    }
  }
}

}  // namespace marlin::cpu
