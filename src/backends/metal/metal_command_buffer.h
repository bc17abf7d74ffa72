// SPDX-License-Identifier: Apache-2.0
// A command buffer of the metal backend. Metal's own are used once; this one makes the next when its next use records
// its first dispatch, with a concurrent encoder whose barriers are those the device layer derived.
#pragma once

#include <memory>
#include <optional>

#include "abi/kernel_failure.h"
#include "backends/metal/metal_context.h"
#include "backends/metal/objc.h"
#include "device/command_buffer.h"

namespace marlin::metal {

class MetalCommandBuffer final : public CommandBuffer {
 public:
  MetalCommandBuffer(std::string label, std::shared_ptr<MetalContext> context);
  ~MetalCommandBuffer() override;

  /// Of the queue, which calls them in this order: hands the work to Metal; once Metal has executed it, publishes the
  /// result.
  void commit_to_metal();
  void end(const std::optional<Error>& error);

  /// Why it failed by itself; valid once executed.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

  /// Of the queue, under its lock.
  bool executed = false;
  std::shared_ptr<MetalCommandBuffer> next_committed;

 private:
  void encode(std::string_view kernel, std::span<const std::byte> arguments, std::span<const Binding> bindings,
              bool barrier) override;
  void submit() override;
  void clear() override;
  void open();
  void begin_encoding();
  void on_executed();

  std::shared_ptr<MetalContext> context_;
  std::unique_ptr<Buffer> failure_record_;  // an abi::KernelFailure that kernels write
  objc::Owned commands_;                    // null until the first dispatch of a use
  objc::Owned encoder_;
  const Pipeline* pipeline_ = nullptr;  // last one set
  bool barrier_due_ = false;            // of a dispatch without work
  std::optional<Error> failure_;
  ExecutionTimes execution_times_;
};

}  // namespace marlin::metal
