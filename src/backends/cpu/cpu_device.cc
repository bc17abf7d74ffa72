// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/cpu_device.h"

#include <bit>
#include <utility>

#include "backends/cpu/cpu_queue.h"
#include "backends/cpu/simd.h"
#include "backends/cpu/simulation.h"
#include "base/error.h"

namespace marlin {
namespace {

constexpr int kMaxThreads = 1024;

class CpuBuffer final : public Buffer {
 public:
  CpuBuffer(std::string label, PageMemory memory)
      : Buffer(std::move(label), memory.size(), std::bit_cast<std::uint64_t>(memory.data()), memory.data()),
        memory_(std::move(memory)) {}

  CpuBuffer(std::string label, std::span<const std::byte> memory)
      : Buffer(std::move(label), memory.size(), std::bit_cast<std::uint64_t>(memory.data()),
               const_cast<std::byte*>(memory.data())) {}  // wrapped memory is only ever read: Device::wrap

 private:
  PageMemory memory_;
};

/// For users: "AVX3 with VNNI, 2 threads".
std::string describe_processor(int n_threads) {
  const std::string target = cpu::simd_target_name();
  return fmt::format("{}{}, {} threads", target, target == "AVX3" && cpu::simd_has_vnni() ? " with VNNI" : "",
                     n_threads);
}

int resolve_threads(int requested) {
  if (requested < 0 || requested > kMaxThreads) {
    fail(ErrorCode::kInvalidArgument, "--threads must be between 1 and {} (0 = one per processor), got {}", kMaxThreads,
         requested);
  }
  return requested == 0 ? usable_processors() : requested;
}

class CpuDevice final : public Device {
 public:
  CpuDevice(const DeviceOptions& options, Simulation simulation)
      : Device(options),
        info_{.backend = "cpu",
              .name = describe_processor(resolve_threads(options.n_threads)),
              .n_threads = resolve_threads(options.n_threads),
              .variants_agree = true,
              .rounds_weights = false,
              .mul1_in_integers = true},
        queue_(info_.n_threads, std::move(simulation)) {}

  [[nodiscard]] const DeviceInfo& info() const override { return info_; }

  [[nodiscard]] bool supports(std::string_view kernel) const override { return queue_.find_kernel(kernel) != nullptr; }

  std::unique_ptr<Buffer> wrap(std::span<const std::byte> memory, std::string label) override {
    return std::make_unique<CpuBuffer>(std::move(label), memory);
  }

 private:
  std::unique_ptr<Buffer> make_buffer(std::size_t bytes, std::string label, Visibility /*visibility*/) override {
    return std::make_unique<CpuBuffer>(std::move(label), PageMemory(bytes));
  }

  std::shared_ptr<CommandBuffer> make_command_buffer(std::string label) override {
    return std::make_shared<cpu::CpuCommandBuffer>(std::move(label), queue_);
  }

  DeviceInfo info_;
  cpu::CpuQueue queue_;
};

}  // namespace

std::unique_ptr<Device> create_cpu_device(const DeviceOptions& options) {
  cpu::apply_simd_limit();
  return std::make_unique<CpuDevice>(options, Simulation{});
}

std::unique_ptr<Device> create_simulated_device(const DeviceOptions& options, Simulation simulation) {
  MARLIN_CHECK(!simulation.fault || simulation.gate != nullptr);
  cpu::apply_simd_limit();
  return std::make_unique<CpuDevice>(options, std::move(simulation));
}

}  // namespace marlin
