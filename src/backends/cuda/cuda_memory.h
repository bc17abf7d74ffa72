// SPDX-License-Identifier: Apache-2.0
// Owners of memory of the two kinds that kernels use, zeroed: the device's own, and the host's that the device reaches
// over the bus. Errors: kOutOfMemory, naming `label`.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace marlin::cuda {

enum class MemoryPlace { kDevice, kHost };

class CudaMemory {
 public:
  CudaMemory() = default;
  CudaMemory(MemoryPlace place, std::size_t bytes, std::string_view label);
  ~CudaMemory();
  CudaMemory(CudaMemory&& other) noexcept
      : place_(other.place_), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  CudaMemory& operator=(CudaMemory&& other) noexcept {
    std::swap(place_, other.place_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  CudaMemory(const CudaMemory&) = delete;
  CudaMemory& operator=(const CudaMemory&) = delete;

  /// The same address for kernels and, if kHost, for the host.
  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] MemoryPlace place() const { return place_; }

 private:
  MemoryPlace place_ = MemoryPlace::kDevice;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace marlin::cuda
