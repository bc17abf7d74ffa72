// SPDX-License-Identifier: Apache-2.0
#include "ops/fill.h"

#include "abi/fill.h"

namespace marlin::ops {

void fill(Encoder& encoder, const BufferView& destination, std::uint32_t value) {
  encoder.dispatch("fill_u32",
                   abi::FillArguments{.n = destination.bytes / sizeof(value), .value = value, .reserved = 0},
                   {writes(destination)});
}

}  // namespace marlin::ops
