// SPDX-License-Identifier: Apache-2.0
#include "backends/cuda/cuda_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "backends/cuda/cuda_error.h"

namespace marlin::cuda {

CudaMemory::CudaMemory(MemoryPlace place, std::size_t bytes, std::string_view label) : place_(place), bytes_(bytes) {
  void* data = nullptr;
  const std::size_t size = std::max<std::size_t>(bytes, 1);
  const cudaError_t error = place == MemoryPlace::kDevice
                                ? cudaMalloc(&data, size)
                                : cudaHostAlloc(&data, size, cudaHostAllocMapped | cudaHostAllocPortable);
  if (error != cudaSuccess) {
    cudaGetLastError();  // a refused allocation is no lasting failure
    throw make_error(error, fmt::format("allocating {} bytes for '{}'", bytes, label));
  }
  data_ = static_cast<std::byte*>(data);
  if (place == MemoryPlace::kHost) {
    std::memset(data_, 0, size);
    return;
  }
  // On a stream of its own kind this returns before the zeros are there; the legacy stream's copies wait for it.
  cudaError_t cleared = cudaMemset(data_, 0, size);
  if (cleared == cudaSuccess) cleared = cudaStreamSynchronize(nullptr);
  if (cleared != cudaSuccess) {
    cudaFree(std::exchange(data_, nullptr));
    throw make_error(cleared, fmt::format("clearing '{}'", label));
  }
}

CudaMemory::~CudaMemory() {
  if (data_ == nullptr) return;
  if (place_ == MemoryPlace::kDevice) {
    cudaFree(data_);
  } else {
    cudaFreeHost(data_);
  }
}

}  // namespace marlin::cuda
