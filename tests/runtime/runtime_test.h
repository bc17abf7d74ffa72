// SPDX-License-Identifier: Apache-2.0
// The fixture of tests that need a manager on a simulated device: chains of copies between buffers, as small as work
// gets.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/cpu/simulation.h"
#include "ops/copy.h"
#include "runtime/async_command_buffer_manager.h"

namespace marlin::test {

class RuntimeTest : public ::testing::Test {
 protected:
  void create(Simulation simulation, const AsyncCommandBufferManager::Options& options = {}) {
    if (simulation.fault) simulation.gate = gate_;
    device_ = create_simulated_device({.n_threads = 1, .check_hazards = true}, std::move(simulation));
    a_ = device_->allocate(64, "a");
    b_ = device_->allocate(64, "b");
    manager_ = std::make_unique<AsyncCommandBufferManager>(*device_, options, instruments_);
  }

  ~RuntimeTest() override {
    gate_->open();
    manager_.reset();  // before the buffers that its batches use
  }

  static BufferView whole(const std::unique_ptr<Buffer>& buffer) { return {buffer.get(), 0, buffer->size_bytes()}; }

  /// Opens a batch of one copy.
  CommandBuffer& begin(const std::string& name = "layer 0") {
    CommandBuffer& commands = manager_->begin({}, name, Clock::now());
    ops::copy(commands, whole(a_), whole(b_));
    return commands;
  }

  BatchId commit_one(const std::string& name = "layer 0") {
    begin(name);
    return manager_->commit();
  }

  [[nodiscard]] AsyncCommandBufferManager& manager() { return *manager_; }
  [[nodiscard]] SimulationGate& gate() { return *gate_; }
  [[nodiscard]] Instruments& instruments() { return instruments_; }
  [[nodiscard]] Device& device() { return *device_; }

 private:
  std::shared_ptr<SimulationGate> gate_ = std::make_shared<SimulationGate>();
  Instruments instruments_{nullptr};
  std::unique_ptr<Device> device_;
  std::unique_ptr<Buffer> a_;
  std::unique_ptr<Buffer> b_;
  std::unique_ptr<AsyncCommandBufferManager> manager_;
};

/// A fault of the n-th command buffer, none of others.
inline auto fault_at(std::uint64_t n, SimulatedFault fault) {
  return [=](std::uint64_t number, std::string_view) { return number == n ? fault : SimulatedFault::kNone; };
}

}  // namespace marlin::test
