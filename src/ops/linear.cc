// SPDX-License-Identifier: Apache-2.0
#include "ops/linear.h"

#include "abi/matmul.h"
#include "ops/kernel_variant.h"
#include "ops/space_cutter.h"

namespace marlin::ops {

std::int64_t linear_scratch_floats(const abi::Matrix& matrix, std::int64_t n_rows) {
  return matrix.format == abi::MatrixFormat::kExl3 ? n_rows * matrix.stored_in : 0;
}

namespace {

/// x as the products with an EXL3 matrix want it, in `room`.
Rows transformed(Encoder& encoder, const abi::Matrix& matrix, const Rows& x, std::int64_t n_rows,
                 const BufferView& room) {
  encoder.dispatch("exl3_transform_f32",
                   abi::Exl3TransformArguments{.matrix = matrix, .n_rows = u32(n_rows), .in_stride = u32(x.stride)},
                   {reads(x.view), writes(room)});
  return {room, matrix.stored_in};
}

void multiply(Encoder& encoder, const abi::Matrix& matrix, const Rows& inputs, const Rows& y, std::int64_t n_rows,
              abi::KernelVariant variant, Output output) {
  const bool accumulate = output == Output::kAccumulate;
  const abi::MatmulArguments arguments{.matrix = matrix,
                                       .n_rows = u32(n_rows),
                                       .in_stride = u32(inputs.stride),
                                       .out_stride = u32(y.stride),
                                       .accumulate = accumulate ? 1U : 0U};
  encoder.dispatch(kernel_of(kMatmulKernels, variant), arguments,
                   {reads(inputs.view), accumulate ? updates(y.view) : writes(y.view)});
}

}  // namespace

void linear(Encoder& encoder, const abi::Matrix& matrix, const Rows& x, const Rows& y, std::int64_t n_rows,
            const BufferView& scratch, abi::KernelVariant variant, Output output) {
  check_holds(x, n_rows, matrix.n_in);
  check_holds(y, n_rows, matrix.n_out);
  Rows inputs = x;
  if (matrix.format == abi::MatrixFormat::kExl3) {
    inputs =
        transformed(encoder, matrix, x, n_rows, SpaceCutter(scratch).floats(linear_scratch_floats(matrix, n_rows)));
  }
  multiply(encoder, matrix, inputs, y, n_rows, variant, output);
}

void linear(Encoder& encoder, std::initializer_list<Projection> projections, const Rows& x, std::int64_t n_rows,
            const BufferView& scratch, abi::KernelVariant variant) {
  const auto each = [&](const auto& use) {
    SpaceCutter space(scratch);
    for (const Projection& projection : projections) {
      use(projection, space.floats(linear_scratch_floats(projection.matrix, n_rows)));
    }
  };
  each([&](const Projection& projection, const BufferView& room) {
    check_holds(x, n_rows, projection.matrix.n_in);
    check_holds(projection.y, n_rows, projection.matrix.n_out);
    if (room.bytes > 0) transformed(encoder, projection.matrix, x, n_rows, room);
  });
  each([&](const Projection& projection, const BufferView& room) {
    const Rows inputs = room.bytes > 0 ? Rows{room, projection.matrix.stored_in} : x;
    multiply(encoder, projection.matrix, inputs, projection.y, n_rows, variant, Output::kReplace);
  });
}

}  // namespace marlin::ops
