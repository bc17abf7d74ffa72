// SPDX-License-Identifier: Apache-2.0
// A command buffer of the cpu backend: dispatches resolved to functions, arguments and pointers, ready to be walked by
// the threads of the pool. Reused ones keep their memory.
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

  /// Readies the work counters; called once, before any execute().
  void prepare();

  /// Executes everything; called by every thread that takes part, each with its scratch. Does not throw.
  void execute(std::byte* scratch);

  /// Whether more than one thread could find work.
  [[nodiscard]] bool is_parallel() const { return n_items_ > commands_.size(); }

  /// Makes it fail as if a kernel had; for simulated faults.
  void fail_with(const std::string& message);

  /// Ends the command buffer: with `earlier_failure` if given (then it was not executed), else with its own result.
  void complete(const std::optional<Error>& earlier_failure, const ExecutionTimes& times);

  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

  /// The one committed after this one; of the queue.
  std::shared_ptr<CpuCommandBuffer> next_committed;

 private:
  struct Command {
    const CpuKernel* kernel;
    std::size_t arguments;  // offset in arguments_
    std::size_t bindings;   // index in bindings_
    std::uint32_t n_items;
    bool barrier;  // starts when all earlier commands have ended
  };
  struct alignas(64) Counter {
    std::atomic<std::uint32_t> next{0};
    std::atomic<std::uint32_t> done{0};
  };

  void encode(std::string_view kernel, std::span<const std::byte> arguments, std::span<const Binding> bindings,
              bool barrier) override;
  void submit() override;
  void clear() override;
  void run_items(const Command& command, Counter& counter, std::byte* scratch);

  CpuQueue& queue_;
  std::vector<Command> commands_;
  std::vector<std::byte> arguments_;  // each struct at a multiple of 16
  std::vector<std::byte*> bindings_;
  std::uint64_t n_items_ = 0;
  bool barrier_due_ = false;  // of a dispatch without work
  std::unique_ptr<Counter[]> counters_;
  std::size_t n_counters_ = 0;
  std::atomic<bool> failed_{false};
  std::mutex failure_mutex_;
  std::optional<Error> failure_;
};

}  // namespace marlin::cpu
