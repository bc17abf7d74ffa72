// SPDX-License-Identifier: Apache-2.0
// Command buffers in flight, in commit order. Metal says on threads of its own, in any order, that one has ended; here
// they end one after the other, and a failure reaches those committed behind it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "device/fence.h"
#include "metal_marlin/error.h"

namespace marlin::metal {

class MetalCommandBuffer;

class MetalQueue {
 public:
  MetalQueue() = default;
  MetalQueue(const MetalQueue&) = delete;
  MetalQueue& operator=(const MetalQueue&) = delete;

  /// Commits it to Metal and keeps it until it has ended.
  void push(std::shared_ptr<MetalCommandBuffer> commands);

  /// Metal has executed `commands`; ends all that can end.
  void executed(MetalCommandBuffer& commands);

  /// Returns when everything pushed has ended.
  void drain();

 private:
  struct Failure {
    Error error;
    std::uint64_t last;  // number of the last command buffer that it reaches
  };

  void end_executed(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::shared_ptr<MetalCommandBuffer> first_;  // linked through themselves: nothing is allocated
  MetalCommandBuffer* last_ = nullptr;
  std::uint64_t n_pushed_ = 0;
  std::uint64_t n_ended_ = 0;
  bool ending_ = false;  // a thread is in end_executed()
  std::optional<Failure> failure_;
  Fence ended_;  // rises to n_ended_
};

}  // namespace marlin::metal
