// SPDX-License-Identifier: Apache-2.0
// The fixture of tests that need a manager on a device that does as it is told: chains of copies between buffers, as
// small as work gets. One instance per backend.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ops/copy.h"
#include "runtime/async_command_buffer_manager.h"
#include "tests/runtime/stand_in_device.h"

namespace marlin::test {

class RuntimeTest : public ::testing::TestWithParam<std::string> {
 protected:
  void create(const Conduct& conduct, const AsyncCommandBufferManager::Options& options = {}) {
    stand_in_ = create_stand_in(GetParam(), {.n_threads = 1, .check_hazards = true}, conduct);
    a_ = device().allocate(64, "a");
    b_ = device().allocate(64, "b");
    manager_ = std::make_unique<AsyncCommandBufferManager>(device(), options, instruments_);
  }

  ~RuntimeTest() override {
    if (stand_in_) stand_in_->open();
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
  [[nodiscard]] StandInDevice& stand_in() { return *stand_in_; }
  [[nodiscard]] Instruments& instruments() { return instruments_; }
  [[nodiscard]] Device& device() { return stand_in_->device(); }

 private:
  Instruments instruments_{nullptr};
  std::unique_ptr<StandInDevice> stand_in_;
  std::unique_ptr<Buffer> a_;
  std::unique_ptr<Buffer> b_;
  std::unique_ptr<AsyncCommandBufferManager> manager_;
};

}  // namespace marlin::test
