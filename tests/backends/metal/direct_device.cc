// SPDX-License-Identifier: Apache-2.0
#include "tests/backends/metal/direct_device.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "abi/kernel_failure.h"
#include "backends/metal/kernel.h"
#include "base/error.h"
#include "base/memory.h"
#include "tests/backends/metal/launch_dump.h"

namespace marlin::test {
namespace {

/// Host memory that is alive: what addresses inside arguments may lead to.
using Resident = std::vector<msl::ByteRange>;

class DirectBuffer final : public Buffer {
 public:
  DirectBuffer(std::string label, PageMemory memory, std::span<const std::byte> bytes, Resident& resident)
      : Buffer(std::move(label), bytes.size(), std::bit_cast<std::uint64_t>(bytes.data()),
               const_cast<std::byte*>(bytes.data())),
        memory_(std::move(memory)),
        resident_(resident) {
    resident_.push_back({host(), size_bytes()});
  }

  ~DirectBuffer() override {
    std::erase_if(resident_, [this](const msl::ByteRange& range) { return range.data == host(); });
  }

 private:
  PageMemory memory_;
  Resident& resident_;
};

class DirectCommandBuffer final : public CommandBuffer {
 public:
  DirectCommandBuffer(std::string label, const msl::Options& options, const Resident& resident)
      : CommandBuffer(std::move(label)), options_(options), resident_(resident) {}

 private:
  struct Dispatch {
    const metal::MetalKernel* kernel;
    msl::Launch launch;
  };

  void encode(std::string_view name, std::span<const std::byte> arguments, std::span<const Binding> bindings,
              bool /*barrier*/) override {
    const metal::MetalKernel* kernel = metal::find_kernel(name);
    MARLIN_CHECK(kernel != nullptr && arguments.size() == kernel->argument_bytes);
    MARLIN_CHECK(bindings.size() == kernel->n_bindings);
    const std::uint32_t n_threads = std::min(kernel->n_threads, options_.max_total_threads);
    const metal::Grid grid = kernel->grid(arguments.data(), n_threads);
    if (grid.count() == 0) return;
    msl::Launch launch{
        .kernel = msl::find_kernel(name), .grid = {grid.x, grid.y, grid.z}, .threadgroup = {n_threads, 1, 1}};
    MARLIN_CHECK(launch.kernel != nullptr);
    launch.copied(0, arguments.data(), arguments.size());
    for (std::uint32_t i = 0; i < bindings.size(); ++i) {
      const BufferView& view = bindings[i].view;
      launch.buffer(i + 1, view.buffer->host() + view.offset, view.bytes);
    }
    if (kernel->constants != nullptr) {
      const metal::FunctionConstants constants = kernel->constants(arguments.data());
      for (std::uint32_t i = 0; i < constants.n; ++i) launch.constant(static_cast<int>(i), constants.values.at(i));
    }
    dispatches_.push_back({kernel, std::move(launch)});
  }

  void submit() override {
    std::optional<Error> error;
    for (Dispatch& dispatch : dispatches_) {
      abi::KernelFailure failure{};
      dispatch.launch.resident = resident_;
      if (dispatch.kernel->can_fail) dispatch.launch.buffer(abi::kKernelFailureIndex, &failure, sizeof(failure));
      LaunchDump* dump = LaunchDump::of_environment();
      if (dump != nullptr && !dump->wants(*dispatch.kernel, dispatch.launch)) dump = nullptr;
      if (dump != nullptr) dump->before(dispatch.launch);
      const msl::Result result = msl::run(dispatch.launch, options_);
      if (dump != nullptr) dump->after(*dispatch.kernel, dispatch.launch, result, options_.checked);
      if (!result.clean())
        error = Error(ErrorCode::kInternal, fmt::format("{}: {}", dispatch.kernel->name, result.text()));
      if (failure.code != 0) {
        error = Error(ErrorCode::kDevice, fmt::format("{}: failure {}", dispatch.kernel->name, failure.code));
      }
      if (error) break;
    }
    const auto now = std::chrono::steady_clock::now();
    finish(error, {now, now});
  }

  void clear() override { dispatches_.clear(); }

  msl::Options options_;
  const Resident& resident_;
  std::vector<Dispatch> dispatches_;
};

class DirectDevice final : public Device {
 public:
  explicit DirectDevice(const msl::Options& options) : Device(DeviceOptions{}), options_(options) {}

  [[nodiscard]] const DeviceInfo& info() const override { return info_; }
  [[nodiscard]] bool supports(std::string_view kernel) const override { return metal::find_kernel(kernel) != nullptr; }

  std::unique_ptr<Buffer> wrap(std::span<const std::byte> memory, std::string label) override {
    return std::make_unique<DirectBuffer>(std::move(label), PageMemory(), memory, resident_);
  }

 private:
  std::unique_ptr<Buffer> make_buffer(std::size_t bytes, std::string label, Visibility /*visibility*/) override {
    PageMemory memory(bytes);
    const std::span<const std::byte> range(memory.data(), memory.size());
    return std::make_unique<DirectBuffer>(std::move(label), std::move(memory), range, resident_);
  }

  std::shared_ptr<CommandBuffer> make_command_buffer(std::string label) override {
    return std::make_shared<DirectCommandBuffer>(std::move(label), options_, resident_);
  }

  DeviceInfo info_{.backend = "direct", .name = "Metal kernels on the interpreter"};
  msl::Options options_;
  Resident resident_;
};

}  // namespace

std::unique_ptr<Device> create_direct_device(const msl::Options& options) {
  return std::make_unique<DirectDevice>(options);
}

}  // namespace marlin::test
