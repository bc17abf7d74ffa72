// SPDX-License-Identifier: Apache-2.0
// Reports what abi/kernel_failure.h describes, from any thread of any threadgroup. The first report of a launch stays.
#pragma once

#include <metal_stdlib>

#include "abi/kernel_failure.h"

namespace marlin {

METAL_FUNC void report_failure(device abi::KernelFailure* failure, abi::KernelFailureCode code, uint detail0,
                               uint detail1 = 0, uint detail2 = 0, uint detail3 = 0, uint detail4 = 0) {
  device metal::atomic_uint* stored = reinterpret_cast<device metal::atomic_uint*>(&failure->code);
  uint expected = uint(abi::KernelFailureCode::kNone);
  while (!metal::atomic_compare_exchange_weak_explicit(stored, &expected, uint(code), metal::memory_order_relaxed,
                                                       metal::memory_order_relaxed)) {
    if (expected != uint(abi::KernelFailureCode::kNone)) return;  // otherwise the exchange failed for no reason
  }
  failure->details[0] = detail0;
  failure->details[1] = detail1;
  failure->details[2] = detail2;
  failure->details[3] = detail3;
  failure->details[4] = detail4;
}

/// Also where the compiler assumes that there are only finite numbers.
METAL_FUNC bool is_finite_bits(float value) { return (as_type<uint>(value) & 0x7F800000u) != 0x7F800000u; }

}  // namespace marlin
