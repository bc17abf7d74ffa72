// SPDX-License-Identifier: Apache-2.0
#include "device/device.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace marlin {

Device::Device(const DeviceOptions& options)
    : hazard_checker_(options.check_hazards ? std::make_shared<HazardChecker>() : nullptr) {}

std::unique_ptr<Buffer> Device::allocate(std::size_t bytes, std::string label, Visibility visibility) {
  std::unique_ptr<Buffer> buffer = make_buffer(bytes, std::move(label), visibility);
  buffer->set_hazard_checker(hazard_checker_);
  buffer->set_visibility(visibility);
  n_allocations_.fetch_add(1, std::memory_order_relaxed);
  return buffer;
}

void Device::upload(const BufferView& to, std::span<const std::byte> bytes) {
  MARLIN_CHECK(bytes.size() <= to.bytes);
  to.check_host_access(/*writes=*/true);
  std::copy(bytes.begin(), bytes.end(), to.buffer->host() + to.offset);
}

void Device::download(const BufferView& /*from*/, std::span<std::byte> /*bytes*/) { MARLIN_CHECK(false); }

std::span<const std::byte> Device::read(const BufferView& from, std::vector<std::byte>& room) {
  from.check_host_access(/*writes=*/false);
  if (from.buffer->host() != nullptr) return {from.buffer->host() + from.offset, from.bytes};
  room.resize(from.bytes);
  download(from, room);
  return room;
}

std::shared_ptr<CommandBuffer> Device::create_command_buffer(std::string label) {
  std::shared_ptr<CommandBuffer> commands = make_command_buffer(std::move(label));
  commands->hazard_checker_ = hazard_checker_;
  commands->begin_checking();
  return commands;
}

}  // namespace marlin
