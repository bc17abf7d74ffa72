// SPDX-License-Identifier: Apache-2.0
#include "device/barrier_planner.h"

#include <algorithm>

namespace marlin {

bool BarrierPlanner::next(std::span<const Binding> bindings) {
  bool barrier = false;
  for (const Binding& binding : bindings) {
    const AccessRange range = AccessRange::of(binding);
    barrier = barrier || std::any_of(since_barrier_.begin(), since_barrier_.end(),
                                     [&](const AccessRange& earlier) { return range.conflicts_with(earlier); });
  }
  if (barrier) since_barrier_.clear();
  for (const Binding& binding : bindings) since_barrier_.push_back(AccessRange::of(binding));
  return barrier;
}

}  // namespace marlin
