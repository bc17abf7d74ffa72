// SPDX-License-Identifier: Apache-2.0
// Choosing the variant of a batch's kernels, and saying so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "abi/kernel_variant.h"
#include "metal_marlin/kernel_selection.h"

namespace marlin {

/// What of a model decides the choice, and what is said about it.
struct SelectionSubject {
  std::int64_t top_k = 0;  ///< 0 = no routed experts
  std::string bits;        ///< of the expert weights: "3", "2-4" when they differ, "16" for plain ones
};

/// Errors: kInvalidArgument for batch < 1. `forced`: the variant to report whatever the batch.
KernelSelection select_kernels(const SelectionSubject& subject, std::int64_t batch,
                               std::optional<abi::KernelVariant> forced = std::nullopt);

/// Chooses for one stream of batches; logs when the choice changes, at level info.
class KernelSelector {
 public:
  KernelSelector(SelectionSubject subject, std::optional<abi::KernelVariant> forced)
      : subject_(std::move(subject)), forced_(forced) {}

  abi::KernelVariant choose(std::int64_t batch);

 private:
  SelectionSubject subject_;
  std::optional<abi::KernelVariant> forced_;
  std::optional<abi::KernelVariant> last_;
};

}  // namespace marlin
