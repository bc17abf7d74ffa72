// SPDX-License-Identifier: Apache-2.0
#include "device/fence.h"

namespace marlin {

void Fence::signal(std::uint64_t value) {
  const std::lock_guard lock(mutex_);
  if (value <= value_) return;
  value_ = value;
  risen_.notify_all();  // under the lock: a waiter that returns may destroy this
}

std::uint64_t Fence::value() const {
  const std::lock_guard lock(mutex_);
  return value_;
}

bool Fence::wait(std::uint64_t value, std::chrono::nanoseconds timeout) {
  std::unique_lock lock(mutex_);
  const auto reached = [&] { return value_ >= value; };
  if (timeout == kForever) {
    risen_.wait(lock, reached);
    return true;
  }
  return risen_.wait_for(lock, timeout, reached);
}

}  // namespace marlin
