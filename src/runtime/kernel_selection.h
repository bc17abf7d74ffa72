// SPDX-License-Identifier: Apache-2.0
// Which kernels a batch gets and why, as people ask for it: the log line "Kernel selection ..." and metal-marlin select.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "abi/kernel_variant.h"

namespace marlin {

/// What of a model decides the choice, and what is said about it.
struct SelectionSubject {
  std::int64_t top_k = 0;  ///< 0 = no routed experts
  std::string bits;        ///< of the expert weights: "3", "2-4" when they differ, "16" for plain ones
};

struct KernelSelection {
  std::int64_t batch = 0;
  abi::KernelVariant variant = abi::KernelVariant::kDecode;
  std::string kernel;  ///< "moe_trellis_swiglu_decode"
  std::string tile;    ///< rows x outputs of a work item
  std::string reason;
};

/// Errors: kInvalidArgument for batch < 1. `forced`: the variant to report whatever the batch.
KernelSelection select_kernels(const SelectionSubject& subject, std::int64_t batch,
                               std::optional<abi::KernelVariant> forced = std::nullopt);

/// "batch=1 top_k=4 bits=3 kernel=moe_trellis_swiglu_decode tile=1x128 reason=..."
std::string describe(const SelectionSubject& subject, const KernelSelection& selection);

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
