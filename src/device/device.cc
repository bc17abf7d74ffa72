// SPDX-License-Identifier: Apache-2.0
#include "device/device.h"

#include <utility>

namespace marlin {

Device::Device(const DeviceOptions& options)
    : hazard_checker_(options.check_hazards ? std::make_shared<HazardChecker>() : nullptr) {}

std::unique_ptr<Buffer> Device::allocate(std::size_t bytes, std::string label) {
  std::unique_ptr<Buffer> buffer = make_buffer(bytes, std::move(label));
  buffer->set_hazard_checker(hazard_checker_);
  n_allocations_.fetch_add(1, std::memory_order_relaxed);
  return buffer;
}

std::shared_ptr<CommandBuffer> Device::create_command_buffer(std::string label) {
  std::shared_ptr<CommandBuffer> commands = make_command_buffer(std::move(label));
  commands->hazard_checker_ = hazard_checker_;
  commands->begin_checking();
  return commands;
}

}  // namespace marlin
