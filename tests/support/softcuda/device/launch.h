// SPDX-License-Identifier: Apache-2.0
// A launch as this runtime keeps it: every kernel has one parameter, so it is plain data.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cuda/kernels/kernel_call.h"
#include "softcuda/vector_types.h"

namespace softcuda {

inline constexpr std::uint32_t kMaxBlockThreads = 1024;
inline constexpr std::size_t kMaxSharedBytes = 227 * 1024;   // of a block, opted in
inline constexpr std::size_t kPlainSharedBytes = 48 * 1024;  // of a block, otherwise

using KernelFunction = void (*)(marlin::cuda::KernelCall);

struct Launch {
  KernelFunction function = nullptr;
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
  marlin::cuda::KernelCall call{};
};

}  // namespace softcuda
