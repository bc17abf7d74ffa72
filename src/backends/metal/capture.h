// SPDX-License-Identifier: Apache-2.0
// Records the first command buffers of a process for Xcode's GPU debugger, when METAL_MARLIN_CAPTURE names a .gputrace
// (and MTL_CAPTURE_ENABLED=1 lets Metal do it).
#pragma once

#include <atomic>
#include <cstdint>

#include "backends/metal/objc.h"

namespace marlin::metal {

class Capture {
 public:
  static constexpr std::int64_t kCommandBuffers = 16;

  /// Starts if asked to; a capture that Metal refuses is said in the log.
  explicit Capture(objc::Id queue);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  /// Whether labels are worth their cost.
  [[nodiscard]] bool active() const { return remaining_.load(std::memory_order_relaxed) > 0; }

  /// One command buffer was committed; the last of them ends the capture.
  void count();

 private:
  std::atomic<std::int64_t> remaining_{0};
};

}  // namespace marlin::metal
