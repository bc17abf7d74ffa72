// SPDX-License-Identifier: Apache-2.0
#include "backends/cuda/launch_graph.h"

#include <cstdint>
#include <utility>

#include "backends/cuda/cuda_error.h"
#include "base/error.h"

namespace marlin::cuda {
namespace {

dim3 blocks_of(const Grid& grid) { return {grid.x, grid.y, grid.z}; }

/// `parameters` is what the result points to.
cudaKernelNodeParams node_parameters(const RecordedLaunch& recorded, void** parameters) {
  cudaKernelNodeParams node{};
  node.func = reinterpret_cast<void*>(recorded.function);
  node.gridDim = blocks_of(recorded.grid);
  node.blockDim = dim3(recorded.n_threads);
  node.sharedMemBytes = recorded.shared_bytes;
  node.kernelParams = parameters;
  return node;
}

}  // namespace

void launch(const RecordedLaunch& recorded, cudaStream_t stream) {
  void* parameters[] = {const_cast<KernelCall*>(&recorded.call)};  // copied by CUDA, never written
  check(cudaLaunchKernel(reinterpret_cast<const void*>(recorded.function), blocks_of(recorded.grid),
                         dim3(recorded.n_threads), parameters, recorded.shared_bytes, stream),
        "launching a kernel");
}

// Launches between two barriers depend on all of those between the barrier before and the first; where both are many,
// an empty node in between keeps the edges few.
LaunchGraph::LaunchGraph(std::span<const RecordedLaunch> launches) : launches_(launches.begin(), launches.end()) {
  constexpr std::size_t kManyEdges = 16;
  check(cudaGraphCreate(&graph_, 0), "creating a graph");
  std::vector<cudaGraphNode_t> before;  // of the stretch in front of the last barrier
  std::vector<cudaGraphNode_t> stretch;
  for (std::size_t i = 0; i < launches_.size(); ++i) {
    RecordedLaunch& recorded = launches_[i];
    if (recorded.barrier != 0 && !stretch.empty()) {
      before = std::exchange(stretch, {});
      std::size_t n_next = 1;
      while (i + n_next < launches_.size() && launches_[i + n_next].barrier == 0) ++n_next;
      if (before.size() * n_next > kManyEdges) {
        cudaGraphNode_t joint = nullptr;
        check(cudaGraphAddEmptyNode(&joint, graph_, before.data(), before.size()), "joining the nodes of a graph");
        before = {joint};
      }
    }
    void* parameters[] = {&recorded.call};
    const cudaKernelNodeParams node = node_parameters(recorded, parameters);
    cudaGraphNode_t added = nullptr;
    check(cudaGraphAddKernelNode(&added, graph_, before.data(), before.size(), &node), "adding a kernel to a graph");
    nodes_.push_back(added);
    stretch.push_back(added);
  }
  check(cudaGraphInstantiate(&executable_, graph_, 0), "making a graph executable");
}

LaunchGraph::~LaunchGraph() {
  if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
  if (graph_ != nullptr) cudaGraphDestroy(graph_);
}

std::size_t LaunchGraph::n_changes(std::span<const RecordedLaunch> launches) const {
  if (launches.size() != launches_.size()) return SIZE_MAX;
  std::size_t n = 0;
  for (std::size_t i = 0; i < launches.size(); ++i) {
    if (launches[i] == launches_[i]) continue;
    if (!same_shape(launches[i], launches_[i])) return SIZE_MAX;
    ++n;
  }
  return n;
}

void LaunchGraph::change(std::span<const RecordedLaunch> launches) {
  MARLIN_CHECK(launches.size() == launches_.size());
  for (std::size_t i = 0; i < launches.size(); ++i) {
    if (launches[i] == launches_[i]) continue;
    MARLIN_CHECK(same_shape(launches[i], launches_[i]));
    launches_[i] = launches[i];
    void* parameters[] = {&launches_[i].call};
    const cudaKernelNodeParams node = node_parameters(launches_[i], parameters);
    check(cudaGraphExecKernelNodeSetParams(executable_, nodes_[i], &node), "changing a kernel of a graph");
  }
}

void LaunchGraph::replay(cudaStream_t stream) { check(cudaGraphLaunch(executable_, stream), "replaying a graph"); }

}  // namespace marlin::cuda
