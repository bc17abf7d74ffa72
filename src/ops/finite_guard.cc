// SPDX-License-Identifier: Apache-2.0
#include "ops/finite_guard.h"

#include "ops/operand.h"

namespace marlin::ops {

void finite_guard(Encoder& encoder, const BufferView& x, std::int64_t n_rows, std::int64_t width,
                  abi::GuardedStage stage, std::int64_t layer) {
  check_holds(x, n_rows * width, sizeof(float));
  encoder.dispatch(
      "finite_guard_f32",
      abi::FiniteGuardArguments{.n_rows = u32(n_rows), .width = u32(width), .layer = u32(layer), .stage = stage},
      {reads(x)});
}

}  // namespace marlin::ops
