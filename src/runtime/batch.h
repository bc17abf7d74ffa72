// SPDX-License-Identifier: Apache-2.0
// A batch: one command buffer on its way through the runtime, and what is known of it.
#pragma once

#include <chrono>
#include <cstdint>

#include "runtime/stage.h"

namespace marlin {

/// Numbers batches in commit order, from 1; 0 = none.
using BatchId = std::uint64_t;

enum class BatchState { kIdle, kEncoding, kCommitted, kCompleted, kFailed };

using Clock = std::chrono::steady_clock;

/// What a batch holds.
struct BatchContents {
  std::int64_t first_layer = 0;
  std::int64_t last_layer = 0;
  Stage stage = Stage::kEmbedding;  ///< when profiling, the only stage; otherwise meaningless
};

/// What it launches.
struct BatchWork {
  std::uint64_t dispatches = 0;
  std::uint64_t bytes_bound = 0;  ///< of their operands
};

/// When what happened to it.
struct BatchTimes {
  Clock::time_point prepared;   ///< the model began to queue its work
  Clock::time_point encoded;    ///< encoding into the command buffer began
  Clock::time_point committed;  ///< the host was done with it
  Clock::time_point submitted;  ///< the device got it
  Clock::time_point began;      ///< the device began
  Clock::time_point ended;      ///< the device ended
  Clock::time_point completed;  ///< callbacks are about to run
};

}  // namespace marlin
