// SPDX-License-Identifier: Apache-2.0
// rms_norm_f32: out = x / sqrt(mean(x^2) + eps) * weight for each row. May run in place.
// Bindings: x f32 (rows of n at in_stride) read; out f32 (at out_stride) written.
#pragma once

#include <cstdint>

namespace marlin::abi {

struct RmsNormArguments {
  std::uint64_t weight;  // f32 [n]
  std::uint32_t n_rows;
  std::uint32_t n;
  std::uint32_t in_stride;   // in floats
  std::uint32_t out_stride;  // in floats
  float eps;
  std::uint32_t reserved;
};
static_assert(sizeof(RmsNormArguments) == 32);

}  // namespace marlin::abi
