// SPDX-License-Identifier: Apache-2.0
#include "backends/cuda/cuda_device.h"

#include <fmt/format.h>

#include <utility>

#include "backends/cuda/cuda_buffer.h"
#include "backends/cuda/cuda_command_buffer.h"
#include "backends/cuda/cuda_context.h"
#include "backends/cuda/cuda_error.h"

namespace marlin {
namespace {

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(const DeviceOptions& options)
      : Device(options),
        context_(std::make_shared<cuda::CudaContext>()),
        info_{.backend = "cuda",
              .name = context_->name(),
              .unified_memory = false,
              .step_rows = 2048,  // 128 for each of 64 experts of which a row takes 4: a whole tile
              .attention_alignment = cuda::kAttentionAlignment,
              .variants_agree = true,
              .multiplies_binary16 = true,
              .stops_at_failure = false} {}

  // The context lives on in buffers and command buffers, of which the queue's thread may be the last to let go.
  ~CudaDevice() override { context_->queue().close(); }
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  [[nodiscard]] const DeviceInfo& info() const override { return info_; }

  [[nodiscard]] bool supports(std::string_view kernel) const override { return cuda::find_kernel(kernel) != nullptr; }

  std::unique_ptr<Buffer> wrap(std::span<const std::byte> memory, std::string label) override {
    auto copy = make_buffer(memory.size(), std::move(label), Visibility::kDevice);
    upload({copy.get(), 0, memory.size()}, memory);
    return copy;
  }

  void upload(const BufferView& to, std::span<const std::byte> bytes) override {
    copy(reinterpret_cast<void*>(to.device_address()), bytes.data(), bytes.size(), cudaMemcpyHostToDevice,
         to.buffer->label());
  }

 private:
  std::unique_ptr<Buffer> make_buffer(std::size_t bytes, std::string label, Visibility visibility) override {
    const auto place = visibility == Visibility::kDevice ? cuda::MemoryPlace::kDevice : cuda::MemoryPlace::kHost;
    cuda::CudaMemory memory(place, bytes, label);
    return std::make_unique<cuda::CudaBuffer>(context_, std::move(label), std::move(memory));
  }

  std::shared_ptr<CommandBuffer> make_command_buffer(std::string label) override {
    return std::make_shared<cuda::CudaCommandBuffer>(std::move(label), context_);
  }

  void download(const BufferView& from, std::span<std::byte> bytes) override {
    copy(bytes.data(), reinterpret_cast<const void*>(from.device_address()), bytes.size(), cudaMemcpyDeviceToHost,
         from.buffer->label());
  }

  /// Returns when the bytes are there, which cudaMemcpy() from memory that is not pinned may do too early; and the
  /// stream of the command buffers does not wait for the one that it uses.
  static void copy(void* to, const void* from, std::size_t n, cudaMemcpyKind kind, std::string_view label) {
    if (n == 0) return;
    cudaError_t error = cudaMemcpy(to, from, n, kind);
    if (error == cudaSuccess) error = cudaStreamSynchronize(nullptr);
    cuda::check(error, fmt::format("copying {} bytes of '{}'", n, label));
  }

  std::shared_ptr<cuda::CudaContext> context_;
  DeviceInfo info_;
};

}  // namespace

bool cuda_is_usable() {
  try {
    cuda::find_limits();
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::unique_ptr<Device> create_cuda_device(const DeviceOptions& options) {
  return std::make_unique<CudaDevice>(options);
}

}  // namespace marlin
