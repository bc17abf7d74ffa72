// SPDX-License-Identifier: Apache-2.0
// Debugging aid of the device layer: proves that every access has an order. It sees each dispatch as it is encoded,
// each barrier, each commit and completion, and each time the host takes a pointer, and reports, with both names,
//   - two dispatches of one command buffer that touch the same bytes, one writing, with no barrier between them;
//   - the host reading what a dispatch that has not completed writes, or writing what one reads or writes.
// Command buffers of a device run one after another, so nothing more is needed between them. On in debug builds and by
// DeviceOptions::check_hazards.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/barrier_planner.h"

namespace marlin {

class HazardChecker {
 public:
  /// A dispatch was encoded into command buffer `commands` (a number the device gives, rising), after a barrier or not.
  /// Errors: kInternal, naming both dispatches.
  void dispatch(std::uint64_t commands, std::string_view kernel, std::span<const Binding> bindings, bool barrier);

  /// From now on the host must keep away from what `commands`, called `label`, touches.
  void committed(std::uint64_t commands, std::string_view label);

  /// `commands` has completed or was dropped.
  void ended(std::uint64_t commands);

  /// The host reads (or writes) `bytes` at `offset` of `buffer`. Errors: kInternal, naming the dispatch and its command
  /// buffer.
  void host_access(const Buffer& buffer, std::size_t offset, std::size_t bytes, bool writes) const;

 private:
  struct Touch {
    AccessRange range;
    std::string_view kernel;
  };
  struct Record {
    std::uint64_t commands = 0;
    bool committed = false;
    std::string label;
    std::vector<Touch> touches;
    std::size_t since_barrier = 0;  // first of touches that no barrier follows
  };

  Record& record(std::uint64_t commands);

  mutable std::mutex mutex_;
  std::vector<Record> records_;  // of command buffers that have not ended
};

}  // namespace marlin
