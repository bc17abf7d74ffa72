// SPDX-License-Identifier: Apache-2.0
// Memory of the cuda backend: the host's, which kernels reach over the bus, or the device's own, which the host does
// not see (Buffer::host() is null).
#pragma once

#include <bit>
#include <memory>
#include <string>
#include <utility>

#include "backends/cuda/cuda_context.h"
#include "backends/cuda/cuda_memory.h"
#include "device/buffer.h"

namespace marlin::cuda {

class CudaBuffer final : public Buffer {
 public:
  CudaBuffer(std::shared_ptr<CudaContext> context, std::string label, CudaMemory memory)
      : Buffer(std::move(label), memory.bytes(), std::bit_cast<std::uint64_t>(memory.data()),
               memory.place() == MemoryPlace::kHost ? memory.data() : nullptr),
        context_(std::move(context)),
        memory_(std::move(memory)) {}

 private:
  std::shared_ptr<CudaContext> context_;  // whose stream may still use the memory: destroyed after it
  CudaMemory memory_;
};

}  // namespace marlin::cuda
