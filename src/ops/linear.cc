// SPDX-License-Identifier: Apache-2.0
#include "ops/linear.h"

#include "abi/matmul.h"
#include "ops/kernel_variant.h"

namespace marlin::ops {

std::int64_t linear_scratch_floats(const abi::Matrix& matrix, std::int64_t n_rows) {
  return matrix.format == abi::MatrixFormat::kExl3 ? n_rows * matrix.stored_in : 0;
}

void linear(Encoder& encoder, const abi::Matrix& matrix, const Rows& x, const Rows& y, std::int64_t n_rows,
            const BufferView& scratch, abi::KernelVariant variant, Output output) {
  check_holds(x, n_rows, matrix.n_in);
  check_holds(y, n_rows, matrix.n_out);
  Rows inputs = x;
  if (matrix.format == abi::MatrixFormat::kExl3) {
    const std::int64_t n = linear_scratch_floats(matrix, n_rows);
    check_holds(scratch, n, sizeof(float));
    inputs = {{scratch.buffer, scratch.offset, static_cast<std::size_t>(n) * sizeof(float)}, matrix.stored_in};
    encoder.dispatch("exl3_transform_f32",
                     abi::Exl3TransformArguments{.matrix = matrix, .n_rows = u32(n_rows), .in_stride = u32(x.stride)},
                     {reads(x.view), writes(inputs.view)});
  }
  const bool accumulate = output == Output::kAccumulate;
  const abi::MatmulArguments arguments{.matrix = matrix,
                                       .n_rows = u32(n_rows),
                                       .in_stride = u32(inputs.stride),
                                       .out_stride = u32(y.stride),
                                       .accumulate = accumulate ? 1U : 0U};
  encoder.dispatch(kernel_of(kMatmulKernels, variant), arguments,
                   {reads(inputs.view), accumulate ? updates(y.view) : writes(y.view)});
}

}  // namespace marlin::ops
