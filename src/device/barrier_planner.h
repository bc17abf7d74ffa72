// SPDX-License-Identifier: Apache-2.0
// Derives barriers from declared reads and writes: a dispatch needs one when it touches what a dispatch since the last
// barrier writes, or writes what one of those touches. Everything else may overlap.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "device/buffer.h"

namespace marlin {

/// Bytes of device memory that a dispatch touches. Addresses, not buffers: buffers may share memory.
struct AccessRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool writes = false;

  [[nodiscard]] static AccessRange of(const Binding& binding) {
    const std::uint64_t begin = binding.view.device_address();
    return {begin, begin + binding.view.bytes, binding.access != Access::kRead};
  }

  /// Whether the order of the two accesses matters. That of nothing at all, wherever it lies, does not.
  [[nodiscard]] bool conflicts_with(const AccessRange& other) const {
    return (writes || other.writes) && std::max(begin, other.begin) < std::min(end, other.end);
  }
};

class BarrierPlanner {
 public:
  /// Whether a barrier must come before the next dispatch, which has these operands; then takes note of them.
  bool next(std::span<const Binding> bindings);

  /// Forgets everything: a new command buffer.
  void clear() { since_barrier_.clear(); }

 private:
  std::vector<AccessRange> since_barrier_;
};

}  // namespace marlin
