// SPDX-License-Identifier: Apache-2.0
// A command buffer of no device: keeps what is encoded into it for a test to look at. Never to be committed.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "device/command_buffer.h"

namespace marlin::test {

class RecordedCommands final : public CommandBuffer {
 public:
  struct Dispatch {
    std::string kernel;
    std::vector<std::byte> arguments;
    std::vector<Binding> bindings;
    bool barrier = false;
  };

  explicit RecordedCommands(std::string label) : CommandBuffer(std::move(label)) {}

  [[nodiscard]] const std::vector<Dispatch>& dispatches() const { return dispatches_; }

 private:
  /// Every kernel is known but "no_such_kernel".
  void encode(std::string_view kernel, std::span<const std::byte> arguments, std::span<const Binding> bindings,
              bool barrier) override {
    if (kernel == "no_such_kernel") fail(ErrorCode::kDevice, "there is no kernel '{}'", kernel);
    dispatches_.push_back({.kernel = std::string(kernel),
                           .arguments = {arguments.begin(), arguments.end()},
                           .bindings = {bindings.begin(), bindings.end()},
                           .barrier = barrier});
  }
  void submit() override { MARLIN_CHECK(false); }
  void clear() override { dispatches_.clear(); }

  std::vector<Dispatch> dispatches_;
};

}  // namespace marlin::test
