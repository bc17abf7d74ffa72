// SPDX-License-Identifier: Apache-2.0
// What happened when: every batch with its phases, while recording is on. Exported as a Chrome trace (chrome://tracing,
// ui.perfetto.dev), summed up by the profiler, and judged by tests of overlap.
#pragma once

#include <atomic>
#include <iosfwd>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/batch.h"

namespace marlin {

class Timeline {
 public:
  struct Entry {
    BatchId id = 0;
    std::string name;
    BatchContents contents;
    BatchTimes times;
  };

  /// Off at first. While on, entries pile up until taken.
  void record(bool on) { recording_.store(on, std::memory_order_relaxed); }

  /// A batch has completed; nothing happens while recording is off.
  void batch(BatchId id, std::string_view name, const BatchContents& contents, const BatchTimes& times);

  /// A pool had to allocate.
  void allocation(std::string_view what, Clock::time_point at);

  /// The entries so far, in commit order; recording begins anew.
  std::vector<Entry> take();

  /// Writes everything so far as Chrome trace JSON: tracks "host" (prepare, encode), "queue" and "device", times in
  /// microseconds.
  void write_chrome_trace(std::ostream& out) const;

 private:
  struct Allocation {
    std::string what;
    Clock::time_point at;
  };

  std::atomic<bool> recording_{false};
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  std::vector<Allocation> allocations_;
};

}  // namespace marlin
