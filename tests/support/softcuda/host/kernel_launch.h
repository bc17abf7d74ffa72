// SPDX-License-Identifier: Apache-2.0
// Launches of kernels, checked as CUDA checks them, and run on a stream's thread.
#pragma once

#include "device/launch.h"
#include "softcuda/host_types.h"

namespace softcuda {

/// Fills in `launch`, or says what is wrong with it. `arguments` are the addresses of the kernel's parameters.
cudaError_t make_launch(const void* function, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes,
                        Launch& launch);

/// Runs it now, unless the device has failed or this one is to fail it.
void run_launch(const Launch& launch);

}  // namespace softcuda
