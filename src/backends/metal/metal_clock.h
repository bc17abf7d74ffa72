// SPDX-License-Identifier: Apache-2.0
// GPU timestamps are seconds of a system clock that need not be that of std::chrono::steady_clock.
#pragma once

#include <chrono>
#include <ctime>

namespace marlin::metal {

/// The point of steady_clock that a GPU timestamp means.
inline std::chrono::steady_clock::time_point steady_time(double gpu_seconds) {
#if defined(__APPLE__)
  constexpr clockid_t kGpuClock = CLOCK_UPTIME_RAW;  // mach_absolute_time
#else
  constexpr clockid_t kGpuClock = CLOCK_MONOTONIC;
#endif
  timespec now{};
  clock_gettime(kGpuClock, &now);
  const double ago = static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) - gpu_seconds;
  return std::chrono::steady_clock::now() -
         std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(ago));
}

}  // namespace marlin::metal
