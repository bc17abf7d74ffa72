// SPDX-License-Identifier: Apache-2.0
// The launches of a command buffer as a CUDA graph: one call puts all of them on the device, and those without a
// barrier between them may overlap. A graph is made once and replayed; the parameters of launches can be changed
// between replays, which does not touch a replay that is already under way.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <span>
#include <vector>

#include "backends/cuda/recorded_launch.h"

namespace marlin::cuda {

class LaunchGraph {
 public:
  /// Errors: what CUDA says.
  explicit LaunchGraph(std::span<const RecordedLaunch> launches);
  ~LaunchGraph();
  LaunchGraph(const LaunchGraph&) = delete;
  LaunchGraph& operator=(const LaunchGraph&) = delete;

  /// How many launches would have to change; SIZE_MAX if the shapes differ.
  [[nodiscard]] std::size_t n_changes(std::span<const RecordedLaunch> launches) const;

  /// Makes it one of `launches`, which have the same shapes.
  void change(std::span<const RecordedLaunch> launches);

  void replay(cudaStream_t stream);

 private:
  std::vector<RecordedLaunch> launches_;
  std::vector<cudaGraphNode_t> nodes_;
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
};

/// Puts one launch on a stream.
void launch(const RecordedLaunch& recorded, cudaStream_t stream);

}  // namespace marlin::cuda
