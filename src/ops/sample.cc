// SPDX-License-Identifier: Apache-2.0
#include "ops/sample.h"

#include <cstdint>

#include "base/error.h"
#include "ops/operand.h"

namespace marlin::ops {

void sample(Encoder& encoder, const abi::SampleArguments& arguments, const BufferView& logits, const BufferView& state,
            const BufferView& token) {
  MARLIN_CHECK(arguments.n_usable > 0 && arguments.n_usable <= arguments.vocab_size);
  check_holds(logits, arguments.vocab_size, sizeof(float));
  MARLIN_CHECK(state.bytes >= arguments.state_bytes && state.device_address() % abi::kSampleStateAlignment == 0);
  check_holds(token, 1, sizeof(std::int32_t));
  encoder.dispatch("sample_f32", arguments, {updates(logits), updates(state), writes(token)});
}

}  // namespace marlin::ops
