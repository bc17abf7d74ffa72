// SPDX-License-Identifier: Apache-2.0
// Puts the launches of command buffers on a stream, as the replay of a graph where one fits. A step of decoding records
// nearly the same launches as the step before, in the same memory or in that of one of two others; what is recorded for
// the second time becomes a graph, what comes once (a prompt's odd number of rows) is launched kernel by kernel.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <list>
#include <span>
#include <unordered_map>
#include <vector>

#include "backends/cuda/launch_graph.h"

namespace marlin::cuda {

class GraphCache {
 public:
  struct Statistics {
    std::uint64_t replays = 0;          ///< command buffers that were one graph launch
    std::uint64_t changed_kernels = 0;  ///< kernels whose parameters had to change for that
    std::uint64_t made = 0;             ///< graphs made
    std::uint64_t direct = 0;           ///< command buffers launched kernel by kernel
  };

  void run(std::span<const RecordedLaunch> launches, cudaStream_t stream);

  [[nodiscard]] const Statistics& statistics() const { return statistics_; }

 private:
  struct Entry {
    Entry(std::uint64_t shape_of_launches, std::span<const RecordedLaunch> launches)
        : shape(shape_of_launches), graph(launches) {}

    std::uint64_t shape;
    LaunchGraph graph;
  };

  LaunchGraph* find(std::uint64_t shape, std::span<const RecordedLaunch> launches);
  bool seen_before(std::uint64_t shape);

  std::list<Entry> entries_;              // the one used last first
  std::vector<std::uint64_t> seen_once_;  // shapes, a ring
  std::size_t next_seen_ = 0;
  Statistics statistics_;
};

}  // namespace marlin::cuda
