// SPDX-License-Identifier: Apache-2.0
#include "host/kernel_launch.h"

#include <map>
#include <mutex>

#include "control/control.h"
#include "device/multiprocessor.h"
#include "host/result.h"
#include "host/stream.h"
#include "softcuda/host_functions.h"

namespace softcuda {
namespace {

/// How much dynamic shared memory each kernel may ask for.
class SharedLimits {
 public:
  static SharedLimits& instance() {
    static auto* instance = new SharedLimits;
    return *instance;
  }
  void set(const void* function, std::size_t n_bytes) {
    const std::lock_guard lock(mutex_);
    limits_[function] = n_bytes;
  }
  std::size_t of(const void* function) {
    const std::lock_guard lock(mutex_);
    const auto found = limits_.find(function);
    return found == limits_.end() ? kPlainSharedBytes : found->second;
  }

 private:
  std::mutex mutex_;
  std::map<const void*, std::size_t> limits_;
};

}  // namespace

cudaError_t make_launch(const void* function, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes,
                        Launch& launch) {
  constexpr std::uint32_t kMaxGridX = 0x7FFFFFFF;
  constexpr std::uint32_t kMaxGridYZ = 0xFFFF;
  constexpr std::uint32_t kMaxBlockZ = 64;
  if (function == nullptr) return cudaErrorInvalidDeviceFunction;
  if (arguments == nullptr || arguments[0] == nullptr) return cudaErrorInvalidValue;
  const std::uint64_t n_threads = std::uint64_t{block.x} * block.y * block.z;
  if (n_threads == 0 || n_threads > kMaxBlockThreads || block.z > kMaxBlockZ) return cudaErrorInvalidConfiguration;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > kMaxGridX || grid.y > kMaxGridYZ || grid.z > kMaxGridYZ) {
    return cudaErrorInvalidConfiguration;
  }
  if (shared_bytes > SharedLimits::instance().of(function)) return cudaErrorInvalidValue;
  launch.function = reinterpret_cast<KernelFunction>(const_cast<void*>(function));
  launch.grid = grid;
  launch.block = block;
  launch.shared_bytes = shared_bytes;
  launch.call = *static_cast<const marlin::cuda::KernelCall*>(arguments[0]);
  return cudaSuccess;
}

void run_launch(const Launch& launch) {
  if (Health::instance().next_kernel_fails()) return;
  const Options options = current_options();
  Multiprocessor::instance().run(launch, options.schedule, options.seed + Health::instance().n_kernels());
}

}  // namespace softcuda

cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes,
                             cudaStream_t stream) {
  return softcuda::result_of([&] {
    const auto found = softcuda::find_stream(stream);
    if (found == nullptr) return cudaErrorInvalidResourceHandle;
    softcuda::Launch launch;
    const cudaError_t error = softcuda::make_launch(function, grid, block, arguments, shared_bytes, launch);
    if (error == cudaSuccess) found->enqueue([launch] { softcuda::run_launch(launch); });
    return error;
  });
}

// Attributes allow a GPU to overlap launches or order them by priority; it need not.
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* function, void** arguments) {
  if (config == nullptr) return softcuda::remembered(cudaErrorInvalidValue);
  return cudaLaunchKernel(function, config->gridDim, config->blockDim, arguments, config->dynamicSmemBytes,
                          config->stream);
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  return softcuda::result_of([&] {
    if (function == nullptr) return cudaErrorInvalidDeviceFunction;
    if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) return cudaSuccess;
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 ||
        static_cast<std::size_t>(value) > softcuda::kMaxSharedBytes) {
      return cudaErrorInvalidValue;
    }
    softcuda::SharedLimits::instance().set(function, static_cast<std::size_t>(value));
    return cudaSuccess;
  });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  return softcuda::result_of([&] {
    if (attributes == nullptr) return cudaErrorInvalidValue;
    if (function == nullptr) return cudaErrorInvalidDeviceFunction;
    *attributes = {};
    attributes->maxThreadsPerBlock = static_cast<int>(softcuda::kMaxBlockThreads);
    attributes->maxDynamicSharedSizeBytes = static_cast<int>(softcuda::SharedLimits::instance().of(function));
    return cudaSuccess;
  });
}
