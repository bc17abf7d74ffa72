// SPDX-License-Identifier: Apache-2.0
// A command buffer of the cuda backend: launches as plain data until it is committed, then a graph or single launches
// on the device's one stream.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "backends/cuda/cuda_context.h"
#include "backends/cuda/recorded_launch.h"
#include "device/command_buffer.h"

namespace marlin::cuda {

class CudaCommandBuffer final : public CommandBuffer {
 public:
  CudaCommandBuffer(std::string label, std::shared_ptr<CudaContext> context);
  ~CudaCommandBuffer() override;

  /// Of the queue, which calls them in this order, the first on the committing thread, the others on its own.
  void put_on_stream();
  void wait_for_stream(std::chrono::steady_clock::time_point last_end);  // of the one before
  void end(const std::optional<Error>& error);

  /// Why it failed by itself; valid behind wait_for_stream().
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  [[nodiscard]] const ExecutionTimes& execution_times() const { return execution_times_; }

  /// Of the queue, under its lock.
  std::shared_ptr<CudaCommandBuffer> next_committed;

 private:
  void encode(std::string_view kernel, std::span<const std::byte> arguments, std::span<const Binding> bindings,
              bool barrier) override;
  void submit() override;
  void clear() override;

  std::shared_ptr<CudaContext> context_;
  std::vector<RecordedLaunch> launches_;
  bool barrier_due_ = false;       // of a dispatch without work
  std::size_t scratch_used_ = 0;   // by the launches since the last barrier: behind it all is free again
  std::size_t counters_used_ = 0;  // the same
  bool can_fail_ = false;          // whether one of the launches can
  CudaMemory failure_record_;      // an abi::KernelFailure in host memory
  ExecutionEvents events_;
  std::optional<Error> failure_;
  std::chrono::steady_clock::time_point put_;  // on the stream
  ExecutionTimes execution_times_;
};

}  // namespace marlin::cuda
