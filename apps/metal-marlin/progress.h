// SPDX-License-Identifier: Apache-2.0
// A progress bar on stderr, for a person: only on a terminal, only once the work has taken a moment.
#pragma once

#include <chrono>
#include <string_view>

namespace marlin::app {

class ProgressBar {
 public:
  /// Redraws at most ten times a second; fraction in [0, 1].
  void update(std::string_view stage, double fraction);

  /// Removes the bar, if one was drawn.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_at_;
  bool drawn_ = false;
};

}  // namespace marlin::app
