// SPDX-License-Identifier: Apache-2.0
// Which instruction set the kernels use on this machine: the best it has, or the one METAL_MARLIN_SIMD asks for.
#pragma once

#include <string>

namespace marlin::cpu {

/// Restricts the kernels to what METAL_MARLIN_SIMD names, if it is set: sse4, avx2, avx512, avx512_vnni or neon. Before
/// the first kernel runs. Acts once in a process. Throws Error(kInvalidArgument) for other names and for what this
/// processor lacks.
void apply_simd_limit();

/// Highway's name of it: "AVX3" (AVX-512), "AVX2", "SSE4", "NEON". Throws Error(kUnsupported) on a
/// processor older than the kernels' baseline.
std::string simd_target_name();

/// Whether kernels for AVX-512 may use AVX512-VNNI, which Highway's target does not imply.
bool simd_has_vnni();

}  // namespace marlin::cpu
