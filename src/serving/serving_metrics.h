// SPDX-License-Identifier: Apache-2.0
// What the batch engine counts and times, and how it is told to Prometheus: vLLM's names and meanings with our prefix,
// so that dashboards carry over. The engine's thread records; anybody may read.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "metal_marlin/counters.h"
#include "metal_marlin/generation_options.h"
#include "serving/batch_scheduler.h"
#include "serving/histogram.h"

namespace marlin {

/// Of one request, in seconds, when it is over. What it did not get to is below 0.
struct RequestTimes {
  double queued = -1;   ///< until it joined a batch
  double prefill = -1;  ///< from then to its first token
  double decode = -1;   ///< from then to its last
  double total = 0;
};

/// Values of the moment.
struct ServingGauges {
  SchedulerStatistics scheduler;
  std::int64_t n_blocks = 0;
  std::int64_t n_blocks_in_use = 0;
  std::int64_t n_blocks_cached = 0;
  Counters device;  ///< since the model was loaded
};

class ServingMetrics {
 public:
  ServingMetrics();

  /// A pass with so many rows.
  void pass(std::int64_t n_rows);

  /// The first token of a request, so long after it came.
  void first_token(double seconds);

  /// Another token of a request, so long after the one before.
  void next_token(double seconds);

  /// A request is over; `reason`: "stop", "length", "abort" or "error".
  void finished(std::string_view reason, const RequestTimes& times, std::int64_t n_prompt, std::int64_t n_generated);

  /// Everything in Prometheus' text format.
  [[nodiscard]] std::string text(std::string_view model, const ServingGauges& gauges) const;

 private:
  static constexpr std::array<std::string_view, 4> kReasons = {"stop", "length", "abort", "error"};

  mutable std::mutex mutex_;
  Histogram time_to_first_token_;
  Histogram inter_token_latency_;
  Histogram e2e_latency_;
  Histogram queue_time_;
  Histogram prefill_time_;
  Histogram decode_time_;
  Histogram prompt_tokens_;
  Histogram generation_tokens_;
  Histogram iteration_tokens_;
  std::array<std::uint64_t, kReasons.size()> n_finished_{};
  std::uint64_t n_generated_ = 0;
};

}  // namespace marlin
