// SPDX-License-Identifier: Apache-2.0
#include "ops/rms_norm.h"

#include "abi/rms_norm.h"

namespace marlin::ops {

void rms_norm(Encoder& encoder, const BufferView& weight, const Rows& x, const Rows& out, std::int64_t n_rows,
              std::int64_t n, double eps) {
  check_holds(weight, n, sizeof(float));
  check_holds(x, n_rows, n);
  check_holds(out, n_rows, n);
  const abi::RmsNormArguments arguments{.weight = weight.device_address(),
                                        .n_rows = u32(n_rows),
                                        .n = u32(n),
                                        .in_stride = u32(x.stride),
                                        .out_stride = u32(out.stride),
                                        .eps = static_cast<float>(eps),
                                        .reserved = 0};
  encoder.dispatch("rms_norm_f32", arguments, {reads(x.view), writes(out.view)});
}

}  // namespace marlin::ops
