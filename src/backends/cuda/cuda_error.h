// SPDX-License-Identifier: Apache-2.0
// Errors of the CUDA runtime as ours. CUDA keeps the error of a kernel that went astray: after one, every call of the
// process fails, and only a new process has a working device again; the message says so.
#pragma once

#include <cuda_runtime.h>

#include <string_view>

#include "metal_marlin/error.h"

namespace marlin::cuda {

/// `doing` completes "CUDA failed ...": "allocating 3 bytes for 'kv cache'".
Error make_error(cudaError_t error, std::string_view doing);

/// Throws make_error() unless `error` is success.
inline void check(cudaError_t error, std::string_view doing) {
  if (error != cudaSuccess) throw make_error(error, doing);
}

}  // namespace marlin::cuda
