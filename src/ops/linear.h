// SPDX-License-Identifier: Apache-2.0
// A linear layer of any storage format.
#pragma once

#include <initializer_list>

#include "abi/kernel_variant.h"
#include "abi/matrix.h"
#include "device/encoder.h"
#include "ops/operand.h"

namespace marlin::ops {

enum class Output { kReplace, kAccumulate };

/// Floats of scratch that linear() needs for n_rows rows: 0 for plain formats.
std::int64_t linear_scratch_floats(const abi::Matrix& matrix, std::int64_t n_rows);

/// y = x W + bias (or y += with kAccumulate) for n_rows rows of n_in and n_out floats. `scratch` is overwritten.
void linear(Encoder& encoder, const abi::Matrix& matrix, const Rows& x, const Rows& y, std::int64_t n_rows,
            const BufferView& scratch, abi::KernelVariant variant, Output output = Output::kReplace);

/// One of several layers that have the same inputs.
struct Projection {
  const abi::Matrix& matrix;
  Rows y;
};

/// linear() of each of them, recorded so that none waits for another. `scratch`: what they need together.
void linear(Encoder& encoder, std::initializer_list<Projection> projections, const Rows& x, std::int64_t n_rows,
            const BufferView& scratch, abi::KernelVariant variant);

}  // namespace marlin::ops
