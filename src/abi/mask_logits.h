// SPDX-License-Identifier: Apache-2.0
// mask_logits_f32: the logits of tokens that may not be chosen become -infinity, whatever they were, NaN included. Runs
// before sample_f32, for sequences whose text is constrained.
// Bindings: logits f32 [n] updated; mask u32 [(n + 31) / 32] read: a token may be chosen if bit token % 32 of word
// token / 32 is set.
#pragma once

#include <cstdint>

namespace marlin::abi {

struct MaskLogitsArguments {
  std::uint64_t n;
};
static_assert(sizeof(MaskLogitsArguments) == 8, "shared with kernels");

}  // namespace marlin::abi
