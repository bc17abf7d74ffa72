// SPDX-License-Identifier: Apache-2.0
// GPU timestamps are seconds of a system clock that need not be that of std::chrono::steady_clock.
#pragma once

#include <chrono>
#include <ctime>

namespace marlin::metal {

/// Both clocks at one moment. All times of a command buffer go through the same reading: durations then are exact, and
/// nothing ends before it began because the host was interrupted between two readings.
class GpuClock {
 public:
  GpuClock() {
    for (int attempt = 0; attempt < kAttempts; ++attempt) read();
  }

  /// The point of steady_clock that a GPU timestamp means.
  [[nodiscard]] std::chrono::steady_clock::time_point steady_time(double gpu_seconds) const {
    return steady_ - std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                         std::chrono::duration<double>(gpu_ - gpu_seconds));
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr int kAttempts = 3;

  /// Keeps the reading of the attempt that was interrupted least.
  void read() {
#if defined(__APPLE__)
    constexpr clockid_t kGpuClock = CLOCK_UPTIME_RAW;  // mach_absolute_time
#else
    constexpr clockid_t kGpuClock = CLOCK_MONOTONIC;
#endif
    timespec now{};
    const Clock::time_point before = Clock::now();
    clock_gettime(kGpuClock, &now);
    const Clock::time_point after = Clock::now();
    if (after - before >= apart_) return;
    apart_ = after - before;
    steady_ = after;  // rather late than early: what has been handed to the GPU begins after that
    gpu_ = static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }

  Clock::duration apart_ = Clock::duration::max();
  Clock::time_point steady_;
  double gpu_ = 0;
};

}  // namespace marlin::metal
