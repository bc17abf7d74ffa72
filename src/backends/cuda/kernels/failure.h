// SPDX-License-Identifier: Apache-2.0
// Reports what abi/kernel_failure.h describes, from any thread of any block. The first report stays.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "abi/kernel_failure.h"

namespace marlin::cuda {

__device__ inline void report_failure(abi::KernelFailure* failure, abi::KernelFailureCode code,
                                      std::uint32_t detail0 = 0, std::uint32_t detail1 = 0, std::uint32_t detail2 = 0,
                                      std::uint32_t detail3 = 0, std::uint32_t detail4 = 0) {
  const auto none = static_cast<std::uint32_t>(abi::KernelFailureCode::kNone);
  if (atomicCAS(&failure->code, none, static_cast<std::uint32_t>(code)) != none) return;
  failure->details[0] = detail0;
  failure->details[1] = detail1;
  failure->details[2] = detail2;
  failure->details[3] = detail3;
  failure->details[4] = detail4;
}

__device__ inline bool is_finite_bits(float value) { return (__float_as_uint(value) & 0x7F800000U) != 0x7F800000U; }

}  // namespace marlin::cuda
