// SPDX-License-Identifier: Apache-2.0
// How a session's forward passes reach the device. None of it changes a single bit of the results.
#pragma once

#include <cstdint>

namespace marlin {

enum class DispatchStrategy {
  kBatched,     ///< all experts of a layer in one launch per phase
  kSequential,  ///< expert by expert, one command buffer per layer: the baseline to compare with
};

struct ExecutionOptions {
  DispatchStrategy dispatch = DispatchStrategy::kBatched;
  std::int64_t layers_per_commit = 12;  ///< layers in one command buffer; sequential: 1 whatever this says
  int max_in_flight = 3;                ///< command buffers with the device at a time

  friend bool operator==(const ExecutionOptions&, const ExecutionOptions&) = default;
};

}  // namespace marlin
