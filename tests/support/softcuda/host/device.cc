// SPDX-License-Identifier: Apache-2.0
// What the device claims to be: an H200, but for what the options change.
#include <algorithm>
#include <cstring>

#include "control/control.h"
#include "device/launch.h"
#include "host/result.h"
#include "host/stream.h"
#include "softcuda/host_functions.h"

namespace softcuda {
namespace {

thread_local int current_device = 0;

constexpr int kMaxThreadsPerMultiprocessor = 2048;
constexpr int kL2Bytes = 50 << 20;
constexpr int kSharedBytesPerMultiprocessor = 228 * 1024;
constexpr int kMemoryBusBits = 6144;
constexpr int kClockKhz = 1980000;
constexpr int kMemoryClockKhz = 3201000;

bool is_device(int device) { return device >= 0 && device < current_options().n_devices; }

cudaDeviceProp properties_of_device() {
  const Options options = current_options();
  cudaDeviceProp p{};
  constexpr char kName[] = "CUDA in software";
  static_assert(sizeof(kName) <= sizeof(p.name));
  std::memcpy(p.name, kName, sizeof(kName));
  p.totalGlobalMem = options.memory_bytes;
  p.sharedMemPerBlock = kPlainSharedBytes;
  p.regsPerBlock = 65536;
  p.warpSize = 32;
  p.maxThreadsPerBlock = static_cast<int>(kMaxBlockThreads);
  std::fill_n(p.maxThreadsDim, 2, p.maxThreadsPerBlock);
  p.maxThreadsDim[2] = 64;
  p.maxGridSize[0] = 0x7FFFFFFF;
  p.maxGridSize[1] = p.maxGridSize[2] = 0xFFFF;
  p.totalConstMem = 65536;
  p.major = options.compute_capability / 10;
  p.minor = options.compute_capability % 10;
  p.multiProcessorCount = options.multiprocessors;
  p.canMapHostMemory = p.concurrentKernels = p.unifiedAddressing = 1;
  p.asyncEngineCount = 3;
  p.memoryBusWidth = kMemoryBusBits;
  p.l2CacheSize = kL2Bytes;
  p.maxThreadsPerMultiProcessor = kMaxThreadsPerMultiprocessor;
  p.sharedMemPerMultiprocessor = kSharedBytesPerMultiprocessor;
  p.sharedMemPerBlockOptin = kMaxSharedBytes;
  return p;
}

cudaError_t attribute_of_device(cudaDeviceAttr attribute, int& value) {
  const cudaDeviceProp p = properties_of_device();
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      value = p.maxThreadsPerBlock;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      value = static_cast<int>(p.sharedMemPerBlock);
      break;
    case cudaDevAttrWarpSize:
      value = p.warpSize;
      break;
    case cudaDevAttrClockRate:
      value = kClockKhz;
      break;
    case cudaDevAttrMultiProcessorCount:
      value = p.multiProcessorCount;
      break;
    case cudaDevAttrCanMapHostMemory:
    case cudaDevAttrUnifiedAddressing:
      value = 1;
      break;
    case cudaDevAttrIntegrated:
    case cudaDevAttrPageableMemoryAccess:
      value = 0;
      break;
    case cudaDevAttrMemoryClockRate:
      value = kMemoryClockKhz;
      break;
    case cudaDevAttrGlobalMemoryBusWidth:
      value = p.memoryBusWidth;
      break;
    case cudaDevAttrL2CacheSize:
      value = p.l2CacheSize;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      value = p.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      value = p.minor;
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      value = static_cast<int>(p.sharedMemPerMultiprocessor);
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      value = static_cast<int>(p.sharedMemPerBlockOptin);
      break;
    default:
      return cudaErrorInvalidValue;
  }
  return cudaSuccess;
}

}  // namespace
}  // namespace softcuda

using softcuda::result_of;

// These two work without a device.
cudaError_t cudaDriverGetVersion(int* version) {
  *version = softcuda::current_options().driver_version;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  return result_of([&] {
    *count = softcuda::current_options().n_devices;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return result_of([&] {
    *device = softcuda::current_device;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return result_of([&] {
    if (!softcuda::is_device(device)) return cudaErrorInvalidDevice;
    softcuda::current_device = device;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return result_of([&] {
    if (!softcuda::is_device(device)) return cudaErrorInvalidDevice;
    *properties = softcuda::properties_of_device();
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return result_of([&] {
    return softcuda::is_device(device) ? softcuda::attribute_of_device(attribute, *value) : cudaErrorInvalidDevice;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return softcuda::result_of_wait([] {
    softcuda::wait_for_all_streams();
    return cudaSuccess;
  });
}
