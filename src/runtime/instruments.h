// SPDX-License-Identifier: Apache-2.0
// What watches the runtime: counters, the batch log (METAL_MARLIN_TRACE_BATCH=1), the timeline, and a
// warning when tokens cost too many waits. One per engine, shared by its sequences; every function may be called from
// any thread. Nothing here allocates unless a trace is being recorded.
#pragma once

#include <array>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <string_view>

#include "metal_marlin/counters.h"
#include "runtime/batch.h"
#include "runtime/call_site.h"
#include "runtime/timeline.h"

namespace marlin {

class Instruments {
 public:
  /// Waits per token beyond which a warning names the call site.
  static constexpr std::uint64_t kMaxWaitsPerToken = 2;

  /// `batch_log`: where the batch log goes, or null.
  explicit Instruments(std::FILE* batch_log) : batch_log_(batch_log) {}

  // Events, in the order in which they happen to a batch.
  void batch_started(BatchId id);
  void dispatched(std::string_view kernel, std::int64_t layer, Stage stage);
  void batch_committed(BatchId id, std::string_view name, const BatchWork& work, const BatchTimes& times,
                       std::chrono::nanoseconds overlap);
  void batch_completed(BatchId id, std::string_view name, const BatchContents& contents, const BatchTimes& times,
                       bool failed);

  void waited(std::chrono::nanoseconds blocked, const CallSite& caller);
  void forward_encoded() { forwards_.fetch_add(1, std::memory_order_relaxed); }
  void leased(bool from_pool) { (from_pool ? pool_hits_ : pool_misses_).fetch_add(1, std::memory_order_relaxed); }

  /// A token has reached the host; `interval` since the one before it, zero for the first of a generation.
  void token_seen(std::chrono::nanoseconds interval);

  /// All but device_allocations, which the device counts.
  [[nodiscard]] Counters counters() const;
  [[nodiscard]] TokenIntervals token_intervals() const;

  [[nodiscard]] Timeline& timeline() { return timeline_; }

 private:
  static constexpr std::size_t kIntervals = 1024;

  void warn_of_waits(std::uint64_t waits);

  std::FILE* batch_log_;
  Timeline timeline_;
  std::atomic<std::uint64_t> forwards_{0};
  std::atomic<std::uint64_t> tokens_{0};
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> dispatches_{0};
  std::atomic<std::uint64_t> bytes_bound_{0};
  std::atomic<std::uint64_t> waits_{0};
  std::atomic<std::uint64_t> pool_hits_{0};
  std::atomic<std::uint64_t> pool_misses_{0};
  std::atomic<std::int64_t> blocked_ns_{0};
  std::atomic<std::int64_t> encode_ns_{0};
  std::atomic<std::int64_t> overlap_ns_{0};
  std::atomic<std::int64_t> device_ns_{0};

  mutable std::mutex mutex_;
  std::array<float, kIntervals> intervals_{};  // seconds, a ring
  std::uint64_t n_intervals_ = 0;
  std::uint64_t waits_at_last_token_ = 0;
  CallSite last_wait_;
  bool warned_ = false;
};

}  // namespace marlin
