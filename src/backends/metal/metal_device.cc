// SPDX-License-Identifier: Apache-2.0
#include "backends/metal/metal_device.h"

#include <utility>

#include "backends/metal/api.h"
#include "backends/metal/kernel.h"
#include "backends/metal/metal_buffer.h"
#include "backends/metal/metal_command_buffer.h"
#include "backends/metal/metal_context.h"

namespace marlin {
namespace {

class MetalDevice final : public Device {
 public:
  explicit MetalDevice(const DeviceOptions& options) : Device(options) {
    const objc::AutoreleasePool pool;
    context_ = std::make_shared<metal::MetalContext>();
    info_ = {.backend = "metal", .name = metal::api::device::name(context_->device.get()), .stops_at_failure = false};
  }

  ~MetalDevice() override { context_->queue.drain(); }

  [[nodiscard]] const DeviceInfo& info() const override { return info_; }

  [[nodiscard]] bool supports(std::string_view kernel) const override { return metal::find_kernel(kernel) != nullptr; }

  std::unique_ptr<Buffer> wrap(std::span<const std::byte> memory, std::string label) override {
    return metal::MetalBuffer::wrap(context_, memory, std::move(label));
  }

 private:
  std::unique_ptr<Buffer> make_buffer(std::size_t bytes, std::string label, Visibility /*visibility*/) override {
    return metal::MetalBuffer::allocate(context_, bytes, std::move(label));
  }

  std::shared_ptr<CommandBuffer> make_command_buffer(std::string label) override {
    return std::make_shared<metal::MetalCommandBuffer>(std::move(label), context_);
  }

  std::shared_ptr<metal::MetalContext> context_;
  DeviceInfo info_;
};

}  // namespace

bool metal_is_usable() {
  const objc::AutoreleasePool pool;
  try {
    return static_cast<bool>(metal::open_gpu());
  } catch (const Error&) {
    return false;
  }
}

std::unique_ptr<Device> create_metal_device(const DeviceOptions& options) {
  return std::make_unique<MetalDevice>(options);
}

}  // namespace marlin
