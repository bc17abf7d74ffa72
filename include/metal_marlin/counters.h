// SPDX-License-Identifier: Apache-2.0
// What the engine has done so far, for reports and metrics. Take two and subtract to measure a stretch.
#pragma once

#include <cstdint>

namespace marlin {

struct Counters {
  std::uint64_t forwards = 0;            ///< passes over all layers
  std::uint64_t tokens = 0;              ///< generated tokens that the host has seen
  std::uint64_t commits = 0;             ///< command buffers handed to the device
  std::uint64_t dispatches = 0;          ///< kernel launches in them
  std::uint64_t bytes_bound = 0;         ///< of the operands bound to those; weights are reached by address, not bound
  std::uint64_t waits = 0;               ///< times a host thread waited for the device
  std::uint64_t device_allocations = 0;  ///< buffers the device allocated, weights included
  std::uint64_t pool_hits = 0;           ///< leases of working memory served from memory already there
  std::uint64_t pool_misses = 0;         ///< leases that had to allocate
  double blocked_seconds = 0;            ///< time spent in those waits
  double encode_seconds = 0;             ///< host time from beginning a command buffer to having committed it
  double overlap_seconds = 0;            ///< the part of it in which the device had work
  double device_seconds = 0;             ///< time the device executed command buffers

  friend Counters operator-(Counters a, const Counters& b) {
    a.forwards -= b.forwards;
    a.tokens -= b.tokens;
    a.commits -= b.commits;
    a.dispatches -= b.dispatches;
    a.bytes_bound -= b.bytes_bound;
    a.waits -= b.waits;
    a.device_allocations -= b.device_allocations;
    a.pool_hits -= b.pool_hits;
    a.pool_misses -= b.pool_misses;
    a.blocked_seconds -= b.blocked_seconds;
    a.encode_seconds -= b.encode_seconds;
    a.overlap_seconds -= b.overlap_seconds;
    a.device_seconds -= b.device_seconds;
    return a;
  }
};

/// Time between tokens of one generation, in seconds; over the most recent ones.
struct TokenIntervals {
  double p50 = 0;
  double p95 = 0;
  double p99 = 0;
};

}  // namespace marlin
