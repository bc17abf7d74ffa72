// SPDX-License-Identifier: Apache-2.0
// A launch on the calling thread, without a stream: for tests of single kernels (run_kernel.h).
#include "control/control.h"
#include "device/multiprocessor.h"

extern "C" void softcuda_run(softcuda::KernelFunction function, const marlin::cuda::KernelCall* call, const dim3* grid,
                             std::uint32_t n_threads, std::uint32_t shared_bytes) {
  const softcuda::Options options = softcuda::current_options();
  const softcuda::Launch launch{function, *grid, dim3(n_threads), shared_bytes, *call};
  softcuda::Multiprocessor::instance().run(launch, options.schedule, options.seed);
}
