// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/simulation.h"

namespace marlin {

void SimulationGate::open() {
  {
    const std::lock_guard lock(mutex_);
    open_ = true;
  }
  opened_.notify_all();
}

void SimulationGate::pass() {
  std::unique_lock lock(mutex_);
  opened_.wait(lock, [this] { return open_; });
}

}  // namespace marlin
