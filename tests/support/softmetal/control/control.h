// SPDX-License-Identifier: Apache-2.0
// What a test controls and observes, as the rest of this library sees it: the other side of softmetal.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "softmetal.h"

namespace softmetal {

/// Records a violation: one sentence that begins with class and selector.
[[gnu::format(printf, 1, 2)]] void fault(const char* format, ...);

/// The same fields as Counters, counted from any thread.
struct AtomicCounters {
  std::atomic<std::uint64_t> command_buffers{0}, commits{0}, dispatches{0}, barriers{0}, set_buffers{0}, bound_bytes{0},
      set_bytes{0}, residency_changes{0}, buffers{0}, executed_dispatches{0};
};
AtomicCounters& counting();

inline void count(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) {
  counter.fetch_add(n, std::memory_order_relaxed);
}

/// Options for a device made now.
Options current_options();

/// What is planned for the command buffer committed now; counts it.
struct Plan {
  std::uint64_t number = 0;  // of commits since the last reset, from 1
  std::optional<long> error;
  bool hangs = false;
  std::uint64_t least_us = 0;
};
Plan plan_for_commit(const Options& options);
/// Whether the buffer asked for now is to be nil; counts it.
bool allocation_fails();

}  // namespace softmetal
