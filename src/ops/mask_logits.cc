// SPDX-License-Identifier: Apache-2.0
#include "ops/mask_logits.h"

#include "abi/mask_logits.h"
#include "base/error.h"
#include "ops/operand.h"

namespace marlin::ops {

void mask_logits(Encoder& encoder, const BufferView& logits, const BufferView& mask) {
  MARLIN_CHECK(logits.bytes % sizeof(float) == 0);
  const auto n = static_cast<std::int64_t>(logits.bytes / sizeof(float));
  check_holds(mask, mask_words(n), sizeof(std::uint32_t));
  encoder.dispatch("mask_logits_f32", abi::MaskLogitsArguments{.n = static_cast<std::uint64_t>(n)},
                   {updates(logits), reads(mask)});
}

}  // namespace marlin::ops
