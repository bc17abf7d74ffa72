// SPDX-License-Identifier: Apache-2.0
#include "runtime/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <utility>

namespace marlin {
namespace {

/// Threads of the Chrome trace.
enum Track { kHost = 1, kQueue = 2, kDevice = 3 };

class ChromeTrace {
 public:
  explicit ChromeTrace(std::ostream& out, Clock::time_point zero) : out_(out), zero_(zero) {
    out_ << R"({"displayTimeUnit":"ms","traceEvents":[)";
    for (const auto& [track, name] : {std::pair{kHost, "host"}, {kQueue, "queue"}, {kDevice, "device"}}) {
      begin() << fmt::format(R"({{"ph":"M","pid":1,"tid":{},"name":"thread_name","args":{{"name":"{}"}}}})",
                             static_cast<int>(track), name);
    }
  }

  void span(Track track, std::string_view phase, const Timeline::Entry& entry, Clock::time_point from,
            Clock::time_point to) {
    begin() << fmt::format(
        R"({{"ph":"X","pid":1,"tid":{},"name":"{} {}","cat":"{}","ts":{:.3f},"dur":{:.3f},"args":{{"batch":{}}}}})",
        static_cast<int>(track), phase, entry.name, phase, at(from), at(to) - at(from), entry.id);
  }

  /// Like span(), but may overlap others of the track.
  void overlapping_span(Track track, std::string_view phase, const Timeline::Entry& entry, Clock::time_point from,
                        Clock::time_point to) {
    for (const auto& [ph, when] : {std::pair{'b', from}, {'e', to}}) {
      begin() << fmt::format(
          R"({{"ph":"{}","pid":1,"tid":{},"id":{},"name":"{} {}","cat":"{}","ts":{:.3f},"args":{{"batch":{}}}}})", ph,
          static_cast<int>(track), entry.id, phase, entry.name, phase, at(when), entry.id);
    }
  }

  void instant(Track track, std::string_view name, std::string_view category, Clock::time_point when) {
    begin() << fmt::format(R"({{"ph":"i","s":"t","pid":1,"tid":{},"name":"{}","cat":"{}","ts":{:.3f}}})",
                           static_cast<int>(track), name, category, at(when));
  }

  void end() { out_ << "]}\n"; }

 private:
  std::ostream& begin() { return out_ << (std::exchange(first_, false) ? "\n" : ",\n"); }

  [[nodiscard]] double at(Clock::time_point time) const {
    return std::chrono::duration<double, std::micro>(time - zero_).count();
  }

  std::ostream& out_;
  Clock::time_point zero_;
  bool first_ = true;
};

}  // namespace

void Timeline::batch(BatchId id, std::string_view name, const BatchContents& contents, const BatchTimes& times) {
  if (!recording_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  entries_.push_back({id, std::string(name), contents, times});
}

void Timeline::allocation(std::string_view what, Clock::time_point at) {
  if (!recording_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  allocations_.push_back({std::string(what), at});
}

std::vector<Timeline::Entry> Timeline::take() {
  const std::lock_guard lock(mutex_);
  allocations_.clear();
  return std::exchange(entries_, {});
}

void Timeline::write_chrome_trace(std::ostream& out) const {
  const std::lock_guard lock(mutex_);
  Clock::time_point zero = Clock::time_point::max();
  for (const Entry& entry : entries_) zero = std::min(zero, entry.times.prepared);
  for (const Allocation& allocation : allocations_) zero = std::min(zero, allocation.at);
  ChromeTrace trace(out, zero);
  for (const Entry& entry : entries_) {
    const BatchTimes& times = entry.times;
    trace.span(kHost, "prepare", entry, times.prepared, times.encoded);
    trace.span(kHost, "encode", entry, times.encoded, times.committed);
    trace.instant(kHost, fmt::format("commit {}", entry.name), "commit", times.committed);
    trace.overlapping_span(kQueue, "queue", entry, times.committed, times.began);
    trace.span(kDevice, "execute", entry, times.began, times.ended);
    trace.instant(kDevice, fmt::format("completed {}", entry.name), "completed", times.completed);
  }
  for (const Allocation& allocation : allocations_) trace.instant(kHost, allocation.what, "allocate", allocation.at);
  trace.end();
}

}  // namespace marlin
