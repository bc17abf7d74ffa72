// SPDX-License-Identifier: Apache-2.0
// Runs one kernel of the cuda backend on CUDA in software and returns when it has ended; for the authors of kernels.
//
//   std::vector<float> x = ..., out(x.size(), NAN);
//   softcuda::run_kernel("rms_norm_f32", marlin::cuda::row_kernels(), arguments, {x.data(), out.data()});
//
// Scratch is poisoned and counters are 0 before; a kernel that leaves a counter other than 0 ends the program, as does
// a launch that no GPU would take. All memory may be the program's own. Compile with -fsanitize=address,undefined to
// see accesses outside of it and vectors that are not aligned.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "backends/cuda/kernel.h"

extern "C" void softcuda_run(void (*function)(marlin::cuda::KernelCall), const marlin::cuda::KernelCall* call,
                             const dim3* grid, std::uint32_t n_threads, std::uint32_t shared_bytes);

namespace softcuda {

inline constexpr marlin::cuda::GpuLimits kH200{132, 227 * 1024, 90};

[[noreturn]] inline void refuse_launch(const char* why) {
  std::fprintf(stderr, "softcuda: run_kernel: %s\n", why);
  std::abort();
}

/// With `call` as it is but for scratch and counters.
inline void run_kernel(const marlin::cuda::Launch& launch, marlin::cuda::KernelCall call) {
  constexpr std::align_val_t kScratchAlignment{256};
  if (launch.grid.count() == 0) return;
  if (launch.n_threads == 0 || launch.n_threads > 1024 || launch.n_threads % 32 != 0)
    refuse_launch("threads of a block");
  if (launch.grid.y > 65535 || launch.grid.z > 65535) refuse_launch("a grid's y and z end at 65535");
  if (launch.shared_bytes > kH200.max_shared_bytes) refuse_launch("too much shared memory");
  const auto release = [&](std::byte* memory) { ::operator delete(memory, kScratchAlignment); };
  const std::unique_ptr<std::byte, decltype(release)> scratch(
      static_cast<std::byte*>(::operator new(launch.scratch_bytes, kScratchAlignment)), release);
  std::memset(scratch.get(), 0xFF, launch.scratch_bytes);
  std::vector<std::uint32_t> counters(launch.n_counters);
  call.scratch = scratch.get();
  call.counters = counters.data();
  const dim3 grid(launch.grid.x, launch.grid.y, launch.grid.z);
  softcuda_run(launch.function, &call, &grid, launch.n_threads, launch.shared_bytes);
  if (std::any_of(counters.begin(), counters.end(), [](std::uint32_t counter) { return counter != 0; })) {
    refuse_launch("the kernel has left a counter that is not 0");
  }
}

/// The kernel of that name, with its own choice of grid for `gpu`. `failure` may be null if it cannot fail.
template <typename Arguments>
void run_kernel(std::string_view name, std::span<const marlin::cuda::CudaKernel> kernels, const Arguments& arguments,
                std::initializer_list<const void*> bindings, marlin::abi::KernelFailure* failure = nullptr,
                const marlin::cuda::GpuLimits& gpu = kH200) {
  const auto kernel = std::find_if(kernels.begin(), kernels.end(), [&](const auto& k) { return k.name == name; });
  if (kernel == kernels.end()) refuse_launch("there is no kernel of this name");
  if (kernel->argument_bytes != sizeof(Arguments)) refuse_launch("arguments of another size than the kernel's");
  if (kernel->n_bindings != bindings.size()) refuse_launch("another number of bindings than the kernel's");
  marlin::cuda::KernelCall call{};
  std::memcpy(call.arguments_, &arguments, sizeof(arguments));
  std::transform(bindings.begin(), bindings.end(), call.bindings_, [](const void* b) { return const_cast<void*>(b); });
  call.failure = failure;
  run_kernel(kernel->launch(call.arguments_, gpu), call);
}

}  // namespace softcuda
