// SPDX-License-Identifier: Apache-2.0
// Choosing the next token on the device, so that the step that reads it can be encoded before the host has seen it.
#pragma once

#include "abi/sample.h"
#include "device/encoder.h"

namespace marlin::ops {

/// token[0] = the choice from the logits, which then counts as generated. logits f32 [vocab_size], modified; token i32
/// [1]; `state` is what src/sampling/sampler_state.h made for `arguments`, at an address aligned to
/// abi::kSampleStateAlignment. A NaN among the logits fails the command buffer, and so does having no token to choose.
void sample(Encoder& encoder, const abi::SampleArguments& arguments, const BufferView& logits, const BufferView& state,
            const BufferView& token);

}  // namespace marlin::ops
