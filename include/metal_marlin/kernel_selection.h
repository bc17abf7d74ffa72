// SPDX-License-Identifier: Apache-2.0
// Which kernels a batch gets and why, as people ask for it: metal-marlin select, and the log line "Kernel selection".
#pragma once

#include <cstdint>
#include <string>

namespace marlin {

struct KernelSelection {
  std::int64_t batch = 0;  ///< token rows entering a layer
  std::int64_t top_k = 0;  ///< routed experts per token; 0 = none
  std::string bits;        ///< of the expert weights: "3", "2-4" when they differ, "16" for plain ones
  std::string kernel;      ///< "moe_trellis_swiglu_decode"
  std::string tile;        ///< rows x outputs of a work item
  std::string reason;
};

/// "batch=1 top_k=4 bits=3 kernel=moe_trellis_swiglu_decode tile=1x128 reason=..."
std::string describe(const KernelSelection& selection);

}  // namespace marlin
