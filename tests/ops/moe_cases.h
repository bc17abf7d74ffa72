// SPDX-License-Identifier: Apache-2.0
// Conformance of ops::MoeTrellisSwiglu: adversarial routings, expert counts and mixed formats, against float64. Routing
// is given here; router_cases.h judges how it is chosen.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "device/device.h"

namespace marlin::test {

/// Formats of an expert's matrices.
enum class ExpertMix {
  kF32,
  kPlain,       ///< f32, f16 and bf16 by turns
  kExl3,        ///< all alike
  kExl3Mixed,   ///< bits and codebook differ between projections and experts; some have biases
  kEverything,  ///< EXL3 and plain within one expert, both ways round
};

/// Which experts the rows' slots name.
enum class Choice {
  kRandom,    ///< distinct within a row
  kOne,       ///< every slot of every row the same expert, so most have none
  kLast,      ///< the last experts of the table only
  kRepeated,  ///< one expert per row, in all its slots
  kSkewed,    ///< half of all slots on one expert, the rest anywhere
};

struct MoeCase {
  std::size_t n_experts = 0;  ///< routed; 0 = a dense MLP, which is its shared expert alone
  std::size_t top_k = 0;
  std::size_t hidden = 0;
  std::size_t inner = 0;
  std::size_t shared_inner = 0;  ///< 0 = no shared expert
  ExpertMix mix = ExpertMix::kF32;
  Choice choice = Choice::kRandom;
  std::size_t n_rows = 1;
  double scale = 1.0;  ///< of the inputs
};

std::string describe(const MoeCase& moe);
std::vector<MoeCase> moe_cases();

/// Results of all variants within their bound, slots sorted by expert as promised, and a row the same bits whatever
/// rows share the call, in any variant if the device's agree.
void check_moe(Device& device, const MoeCase& moe);

}  // namespace marlin::test
