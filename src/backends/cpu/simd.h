// SPDX-License-Identifier: Apache-2.0
// Which instruction set the kernels use on this machine.
#pragma once

#include <string>

namespace marlin::cpu {

/// Highway's name of it: "AVX3" (AVX-512), "AVX2", "SSE4", "NEON". Throws Error(kUnsupported) on a
/// processor older than the kernels' baseline.
std::string simd_target_name();

}  // namespace marlin::cpu
