// SPDX-License-Identifier: Apache-2.0
// A cpu device that is slower than it need be and fails on request, for tests: overlap, order, back-pressure and
// recovery can be provoked instead of hoped for. Kernels still compute what they compute.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>

#include "device/device.h"

namespace marlin {

enum class SimulatedFault {
  kNone,
  kFail,  ///< fails with kDevice without executing anything
  kHang,  ///< does not execute until SimulationGate::open()
  kLate,  ///< executes, but completes `late_by` later
};

/// What a hanging command buffer waits at.
class SimulationGate {
 public:
  void open();
  void pass();

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

struct Simulation {
  std::chrono::microseconds per_command_buffer{0};  ///< least time a command buffer takes, with per_dispatch
  std::chrono::microseconds per_dispatch{0};
  std::chrono::microseconds late_by{0};
  /// What happens to the n-th committed command buffer (from 0); called on the device thread. Empty: nothing.
  std::function<SimulatedFault(std::uint64_t n, std::string_view label)> fault = {};
  std::shared_ptr<SimulationGate> gate = {};  ///< needed with `fault`
};

/// Errors: as create_cpu_device.
std::unique_ptr<Device> create_simulated_device(const DeviceOptions& options, Simulation simulation);

}  // namespace marlin
