// SPDX-License-Identifier: Apache-2.0
// Keeping the next token to those that a grammar allows.
#pragma once

#include <cstdint>

#include "device/encoder.h"

namespace marlin::ops {

/// 32-bit words of a mask of so many tokens.
constexpr std::int64_t mask_words(std::int64_t n_tokens) { return (n_tokens + 31) / 32; }

/// logits[i] = -infinity where bit i % 32 of mask[i / 32] is clear. logits f32 [n]; mask u32 [mask_words(n)].
void mask_logits(Encoder& encoder, const BufferView& logits, const BufferView& mask);

}  // namespace marlin::ops
