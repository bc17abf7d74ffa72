// SPDX-License-Identifier: Apache-2.0
#include "ops/copy.h"

#include "abi/copy.h"
#include "base/error.h"

namespace marlin::ops {

void copy(Encoder& encoder, const BufferView& source, const BufferView& destination) {
  MARLIN_CHECK(source.bytes == destination.bytes && source.bytes % sizeof(float) == 0);
  encoder.dispatch("copy_f32", abi::CopyArguments{source.bytes / sizeof(float)}, {reads(source), writes(destination)});
}

}  // namespace marlin::ops
