// SPDX-License-Identifier: Apache-2.0
// The one place where the library reads environment variables.
#pragma once

#include <string>

namespace marlin {

/// METAL_MARLIN_TRACE_BATCH: print every batch to stderr. Empty or "0" is off.
bool trace_batches_requested();

/// Where compiled GPU kernels are kept: METAL_MARLIN_CACHE, where empty means nowhere; if it is not set, the user's
/// cache folder (~/Library/Caches/metal-marlin, elsewhere $XDG_CACHE_HOME or ~/.cache and then metal-marlin).
std::string pipeline_cache_folder();

/// METAL_MARLIN_SIMD: the instruction set for the kernels of the cpu backend (backends/cpu/simd.h); empty: the best.
std::string simd_limit();

/// METAL_MARLIN_THREADGROUP_THREADS: at most so many threads in a threadgroup of the metal backend, as a GPU with fewer
/// registers would allow; for tests. 0: no limit.
int threadgroup_thread_limit();

/// METAL_MARLIN_CAPTURE: the .gputrace file to record the first command buffers to; empty: none.
std::string capture_path();

}  // namespace marlin
