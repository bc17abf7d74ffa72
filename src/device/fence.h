// SPDX-License-Identifier: Apache-2.0
// A counter that rises, and the one place of the library where a host thread blocks on the device. Command buffers and
// the runtime's manager signal it; tests/runtime/one_wait_test.cc refuses any other blocking call.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace marlin {

class Fence {
 public:
  /// Longest wait that can be asked for: forever.
  static constexpr std::chrono::nanoseconds kForever = std::chrono::nanoseconds::max();

  /// Raises the counter to `value`; a lower one changes nothing.
  void signal(std::uint64_t value);

  [[nodiscard]] std::uint64_t value() const;

  /// Returns once the counter is at least `value`, or false when `timeout` passed before.
  [[nodiscard]] bool wait(std::uint64_t value, std::chrono::nanoseconds timeout = kForever);

 private:
  mutable std::mutex mutex_;
  std::condition_variable risen_;
  std::uint64_t value_ = 0;
};

}  // namespace marlin
