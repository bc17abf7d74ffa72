// SPDX-License-Identifier: Apache-2.0
// A command buffer of the cpu backend: dispatches resolved to functions, arguments and pointers, ready to be walked by
// the threads of the pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "backends/cpu/kernel.h"
#include "device/command_buffer.h"

namespace marlin::cpu {

class CpuQueue;

class CpuCommandBuffer final : public CommandBuffer {
 public:
  CpuCommandBuffer(std::string label, CpuQueue& queue) : CommandBuffer(std::move(label)), queue_(queue) {}

  /// Executes everything; called by every thread of the pool, each with its scratch. Does not throw.
  void execute(std::byte* scratch);

  /// Ends the command buffer: with `earlier_failure` if given (then it was not executed), else with its own result.
  void complete(const std::optional<Error>& earlier_failure);

  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

  /// Readies the work counters; called once, before any execute().
  void prepare();

 private:
  struct Command {
    const CpuKernel* kernel;
    std::size_t arguments;  // offset in arguments_
    std::size_t bindings;   // index in bindings_
    std::uint32_t n_items;
  };
  struct alignas(64) Counter {
    std::atomic<std::uint32_t> next{0};
    std::atomic<std::uint32_t> done{0};
  };

  void encode(std::string_view kernel, std::span<const std::byte> arguments,
              std::span<const Binding> bindings) override;
  void submit() override;
  void run_items(const Command& command, Counter& counter, std::byte* scratch);

  CpuQueue& queue_;
  std::vector<Command> commands_;
  std::vector<std::byte> arguments_;  // each struct at a multiple of 16
  std::vector<std::byte*> bindings_;
  std::vector<Counter> counters_;
  std::atomic<bool> failed_{false};
  std::mutex failure_mutex_;
  std::optional<Error> failure_;
};

}  // namespace marlin::cpu
