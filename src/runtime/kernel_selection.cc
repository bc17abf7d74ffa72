// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel_selection.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "ops/kernel_variant.h"

namespace marlin {

KernelSelection select_kernels(const SelectionSubject& subject, std::int64_t batch,
                               std::optional<abi::KernelVariant> forced) {
  const abi::KernelVariant by_batch = ops::variant_for_batch(batch);
  const abi::KernelVariant variant = forced.value_or(by_batch);
  return {
      .batch = batch,
      .top_k = subject.top_k,
      .bits = subject.bits,
      .kernel = fmt::format("{}_{}", subject.top_k > 0 ? "moe_trellis_swiglu" : "matmul", abi::variant_name(variant)),
      .tile = fmt::format("{}x128", abi::variant_row_tile(variant)),
      .reason = variant == by_batch ? std::string(ops::variant_reason(variant)) : "asked for"};
}

std::string describe(const KernelSelection& selection) {
  return fmt::format("batch={} top_k={} bits={} kernel={} tile={} reason={}", selection.batch, selection.top_k,
                     selection.bits, selection.kernel, selection.tile, selection.reason);
}

abi::KernelVariant KernelSelector::choose(std::int64_t batch) {
  const abi::KernelVariant variant = forced_.value_or(ops::variant_for_batch(batch));
  if (last_ != variant) {
    last_ = variant;
    spdlog::info("Kernel selection: {}", describe(select_kernels(subject_, batch, forced_)));
  }
  return variant;
}

}  // namespace marlin
