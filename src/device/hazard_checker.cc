// SPDX-License-Identifier: Apache-2.0
#include "device/hazard_checker.h"

#include <algorithm>

#include "base/error.h"

namespace marlin {

HazardChecker::Record& HazardChecker::record(std::uint64_t commands) {
  for (Record& record : records_) {
    if (record.commands == commands) return record;
  }
  records_.emplace_back().commands = commands;
  return records_.back();
}

void HazardChecker::dispatch(std::uint64_t commands, std::string_view kernel, std::span<const Binding> bindings,
                             bool barrier) {
  const std::lock_guard lock(mutex_);
  Record& here = record(commands);
  if (barrier) here.since_barrier = here.touches.size();
  const std::size_t n_before = here.touches.size();
  for (const Binding& binding : bindings) {
    const AccessRange range = AccessRange::of(binding);
    for (std::size_t i = here.since_barrier; i < n_before; ++i) {
      const Touch& earlier = here.touches[i];
      if (!range.conflicts_with(earlier.range)) continue;
      fail(ErrorCode::kInternal, "hazard: {} {} '{}' bytes {}+{}, which {} {} with no barrier between them", kernel,
           range.writes ? "writes" : "reads", binding.view.buffer->label(), binding.view.offset, binding.view.bytes,
           earlier.kernel, earlier.range.writes ? "writes" : "reads");
    }
    here.touches.push_back({range, kernel});
  }
}

void HazardChecker::committed(std::uint64_t commands, std::string_view label) {
  const std::lock_guard lock(mutex_);
  Record& here = record(commands);
  here.committed = true;
  here.label = label;
}

void HazardChecker::ended(std::uint64_t commands) {
  const std::lock_guard lock(mutex_);
  std::erase_if(records_, [&](const Record& record) { return record.commands == commands; });
}

void HazardChecker::host_access(const Buffer& buffer, std::size_t offset, std::size_t bytes, bool writes) const {
  const std::uint64_t begin = buffer.device_address() + offset;
  const AccessRange range{begin, begin + bytes, writes};
  const std::lock_guard lock(mutex_);
  for (const Record& record : records_) {
    if (!record.committed) continue;
    for (const Touch& touch : record.touches) {
      if (!range.conflicts_with(touch.range)) continue;
      fail(ErrorCode::kInternal,
           "hazard: the host {} '{}' bytes {}+{}, which {} of '{}' {}, and nothing has waited for it",
           writes ? "writes" : "reads", buffer.label(), offset, bytes, touch.kernel, record.label,
           touch.range.writes ? "writes" : "reads");
    }
  }
}

}  // namespace marlin
