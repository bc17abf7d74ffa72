// SPDX-License-Identifier: Apache-2.0
#include "runtime/instruments.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <vector>

namespace marlin {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

double seconds(const std::atomic<std::int64_t>& ns) { return static_cast<double>(ns.load(kRelaxed)) * 1e-9; }

double milliseconds(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

std::int64_t nanoseconds(Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

}  // namespace

void Instruments::batch_started(BatchId id) {
  if (batch_log_ != nullptr) fmt::print(batch_log_, "BATCH START: id={}\n", id);
}

void Instruments::dispatched(std::string_view kernel, std::int64_t layer, Stage stage) {
  if (batch_log_ != nullptr) {
    fmt::print(batch_log_, "DISPATCH: {}, layer {}, {}\n", kernel, layer, stage_name(stage));
  }
}

void Instruments::batch_committed(BatchId id, std::string_view name, const BatchWork& work, const BatchTimes& times,
                                  std::chrono::nanoseconds overlap) {
  commits_.fetch_add(1, kRelaxed);
  dispatches_.fetch_add(work.dispatches, kRelaxed);
  bytes_bound_.fetch_add(work.bytes_bound, kRelaxed);
  encode_ns_.fetch_add(nanoseconds(times.committed - times.prepared), kRelaxed);
  overlap_ns_.fetch_add(overlap.count(), kRelaxed);
  if (batch_log_ != nullptr) {
    fmt::print(batch_log_, "BATCH COMMIT: id={}, dispatches={}, {}, prepare {:.3f} ms, encode {:.3f} ms\n", id,
               work.dispatches, name, milliseconds(times.encoded - times.prepared),
               milliseconds(times.committed - times.encoded));
  }
}

void Instruments::batch_completed(BatchId id, std::string_view name, const BatchContents& contents,
                                  const BatchTimes& times, bool failed) {
  device_ns_.fetch_add(nanoseconds(times.ended - times.began), kRelaxed);
  if (batch_log_ != nullptr) {
    fmt::print(batch_log_, "BATCH {}: id={}, {}, queued {:.3f} ms, executed {:.3f} ms\n",
               failed ? "FAILED" : "COMPLETED", id, name, milliseconds(times.began - times.committed),
               milliseconds(times.ended - times.began));
  }
  timeline_.batch(id, name, contents, times);
}

void Instruments::waited(std::chrono::nanoseconds blocked, const CallSite& caller) {
  waits_.fetch_add(1, kRelaxed);
  blocked_ns_.fetch_add(blocked.count(), kRelaxed);
  const std::lock_guard lock(mutex_);
  last_wait_ = caller;
}

void Instruments::token_seen(std::chrono::nanoseconds interval) {
  tokens_.fetch_add(1, kRelaxed);
  const std::uint64_t waits = waits_.load(kRelaxed);
  const std::lock_guard lock(mutex_);
  if (interval.count() > 0) {
    intervals_[n_intervals_++ % kIntervals] = static_cast<float>(static_cast<double>(interval.count()) * 1e-9);
    warn_of_waits(waits - waits_at_last_token_);
  }
  waits_at_last_token_ = waits;
}

void Instruments::warn_of_waits(std::uint64_t waits) {
  if (waits <= kMaxWaitsPerToken || warned_) return;
  warned_ = true;  // once is enough to go looking
  spdlog::warn("the host waited {} times for one token, last at {}:{}; one wait should do", waits, last_wait_.file,
               last_wait_.line);
}

Counters Instruments::counters() const {
  Counters counters;
  counters.forwards = forwards_.load(kRelaxed);
  counters.tokens = tokens_.load(kRelaxed);
  counters.commits = commits_.load(kRelaxed);
  counters.dispatches = dispatches_.load(kRelaxed);
  counters.bytes_bound = bytes_bound_.load(kRelaxed);
  counters.waits = waits_.load(kRelaxed);
  counters.pool_hits = pool_hits_.load(kRelaxed);
  counters.pool_misses = pool_misses_.load(kRelaxed);
  counters.blocked_seconds = seconds(blocked_ns_);
  counters.encode_seconds = seconds(encode_ns_);
  counters.overlap_seconds = seconds(overlap_ns_);
  counters.device_seconds = seconds(device_ns_);
  return counters;
}

TokenIntervals Instruments::token_intervals() const {
  std::vector<float> sorted;
  {
    const std::lock_guard lock(mutex_);
    sorted.assign(intervals_.begin(),
                  intervals_.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(n_intervals_, kIntervals)));
  }
  if (sorted.empty()) return {};
  std::sort(sorted.begin(), sorted.end());
  const auto at = [&](double share) {
    return static_cast<double>(sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))]);
  };
  return {at(0.5), at(0.95), at(0.99)};
}

}  // namespace marlin
