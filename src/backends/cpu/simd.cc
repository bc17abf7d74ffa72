// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/simd.h"

#include <hwy/targets.h>

#include "base/error.h"

namespace marlin::cpu {

std::string simd_target_name() {
  const auto usable = hwy::SupportedTargets() & (HWY_AVX3 | HWY_AVX2 | HWY_SSE4 | HWY_NEON);
  if (usable == 0) {
    fail(ErrorCode::kUnsupported,
         "this processor lacks the instructions the engine needs (x86-64: SSE4.2 and AES; arm64: NEON)");
  }
  return hwy::TargetName(usable & -usable);  // the lowest bit is the best target
}

}  // namespace marlin::cpu
