// SPDX-License-Identifier: Apache-2.0
// Graphs of kernels. A node can depend only on nodes that were there before it, so there is no way to make a cycle. A
// launch takes the parameters that the graph has at that moment, and runs the nodes one after another, in any order
// that the schedule likes and the dependencies allow.
#include <algorithm>
#include <functional>
#include <map>
#include <vector>

#include "control/control.h"
#include "device/dice.h"
#include "host/kernel_launch.h"
#include "host/registry.h"
#include "host/result.h"
#include "host/stream.h"
#include "softcuda/host_functions.h"

struct CUgraphNode_st {
  std::shared_ptr<const softcuda::Launch> launch;  // null: nothing but a place in the order
  std::vector<std::size_t> followers;
  std::size_t n_dependencies = 0;
};

struct CUgraph_st {
  std::vector<std::unique_ptr<CUgraphNode_st>> nodes;

  /// Its number, or that of no node.
  [[nodiscard]] std::size_t number_of(const CUgraphNode_st* node) const {
    const auto found = std::find_if(nodes.rbegin(), nodes.rend(), [&](const auto& n) { return n.get() == node; });
    return found == nodes.rend() ? nodes.size() : static_cast<std::size_t>(nodes.rend() - found) - 1;
  }
};

struct CUgraphExec_st {
  std::vector<CUgraphNode_st> nodes;
  std::map<cudaGraphNode_t, std::size_t> numbers;  // of the graph's nodes
};

namespace softcuda {
namespace {

using Graphs = Registry<CUgraph_st>;
using GraphExecs = Registry<CUgraphExec_st>;

cudaError_t add_node(cudaGraphNode_t* handle, cudaGraph_t graph_handle, const cudaGraphNode_t* dependencies,
                     std::size_t n_dependencies, std::shared_ptr<const Launch> launch) {
  const auto graph = Graphs::instance().find(graph_handle);
  if (handle == nullptr || graph == nullptr || (dependencies == nullptr && n_dependencies > 0)) {
    return cudaErrorInvalidValue;
  }
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < n_dependencies; ++i) {
    numbers.push_back(graph->number_of(dependencies[i]));
    if (numbers.back() == graph->nodes.size()) return cudaErrorInvalidValue;
  }
  std::sort(numbers.begin(), numbers.end());
  if (std::adjacent_find(numbers.begin(), numbers.end()) != numbers.end()) return cudaErrorInvalidValue;
  for (const std::size_t number : numbers) graph->nodes[number]->followers.push_back(graph->nodes.size());
  auto node = std::make_unique<CUgraphNode_st>();
  node->launch = std::move(launch);
  node->n_dependencies = n_dependencies;
  *handle = node.get();
  graph->nodes.push_back(std::move(node));
  return cudaSuccess;
}

cudaError_t make_node_launch(const cudaKernelNodeParams* parameters, std::shared_ptr<const Launch>& launch) {
  if (parameters == nullptr || parameters->extra != nullptr) return cudaErrorInvalidValue;
  auto made = std::make_shared<Launch>();
  const cudaError_t error = make_launch(parameters->func, parameters->gridDim, parameters->blockDim,
                                        parameters->kernelParams, parameters->sharedMemBytes, *made);
  if (error == cudaSuccess) launch = std::move(made);
  return error;
}

/// Nodes that can run: gives them out in the schedule's order.
class ReadyNodes {
 public:
  ReadyNodes(Schedule schedule, Dice& dice) : schedule_(schedule), dice_(dice) {}

  [[nodiscard]] bool empty() const { return nodes_.empty(); }
  void push(std::size_t node) {
    nodes_.push_back(node);
    if (schedule_ == Schedule::kForward) std::push_heap(nodes_.begin(), nodes_.end(), std::greater<>{});
    if (schedule_ == Schedule::kReverse) std::push_heap(nodes_.begin(), nodes_.end());
  }
  std::size_t pop() {
    if (schedule_ == Schedule::kForward) std::pop_heap(nodes_.begin(), nodes_.end(), std::greater<>{});
    if (schedule_ == Schedule::kReverse) std::pop_heap(nodes_.begin(), nodes_.end());
    if (schedule_ == Schedule::kRandom) {
      std::swap(nodes_[dice_.below(static_cast<std::uint32_t>(nodes_.size()))], nodes_.back());
    }
    const std::size_t node = nodes_.back();
    nodes_.pop_back();
    return node;
  }

 private:
  Schedule schedule_;
  Dice& dice_;
  std::vector<std::size_t> nodes_;
};

void run_graph(const std::vector<CUgraphNode_st>& nodes) {
  const Options options = current_options();
  Dice dice(options.seed + Health::instance().n_kernels());
  ReadyNodes ready(options.schedule, dice);
  std::vector<std::size_t> n_missing(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    n_missing[i] = nodes[i].n_dependencies;
    if (n_missing[i] == 0) ready.push(i);
  }
  while (!ready.empty()) {
    const CUgraphNode_st& node = nodes[ready.pop()];
    if (node.launch != nullptr) run_launch(*node.launch);
    for (const std::size_t follower : node.followers) {
      if (--n_missing[follower] == 0) ready.push(follower);
    }
  }
}

}  // namespace
}  // namespace softcuda

using softcuda::GraphExecs;
using softcuda::Graphs;
using softcuda::result_of;

cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned flags) {
  return result_of([&] {
    if (graph == nullptr || flags != 0) return cudaErrorInvalidValue;
    *graph = Graphs::instance().add(std::make_shared<CUgraph_st>());
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return result_of([&] { return Graphs::instance().remove(graph) == nullptr ? cudaErrorInvalidValue : cudaSuccess; });
}

cudaError_t cudaGraphAddKernelNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                   std::size_t n_dependencies, const cudaKernelNodeParams* parameters) {
  return result_of([&] {
    std::shared_ptr<const softcuda::Launch> launch;
    const cudaError_t error = softcuda::make_node_launch(parameters, launch);
    return error != cudaSuccess ? error : softcuda::add_node(node, graph, dependencies, n_dependencies, launch);
  });
}

cudaError_t cudaGraphAddEmptyNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                  std::size_t n_dependencies) {
  return result_of([&] { return softcuda::add_node(node, graph, dependencies, n_dependencies, nullptr); });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph_handle, unsigned long long flags) {
  return result_of([&] {
    const auto graph = Graphs::instance().find(graph_handle);
    if (exec == nullptr || graph == nullptr || flags != 0) return cudaErrorInvalidValue;
    auto made = std::make_shared<CUgraphExec_st>();
    for (const auto& node : graph->nodes) {
      made->numbers[node.get()] = made->nodes.size();
      made->nodes.push_back(*node);
    }
    *exec = GraphExecs::instance().add(std::move(made));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecKernelNodeSetParams(cudaGraphExec_t exec_handle, cudaGraphNode_t node,
                                             const cudaKernelNodeParams* parameters) {
  return result_of([&] {
    const auto exec = GraphExecs::instance().find(exec_handle);
    if (exec == nullptr) return cudaErrorInvalidValue;
    const auto number = exec->numbers.find(node);
    if (number == exec->numbers.end() || exec->nodes[number->second].launch == nullptr) return cudaErrorInvalidValue;
    return softcuda::make_node_launch(parameters, exec->nodes[number->second].launch);
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t stream) {
  return result_of([&] {
    const bool is_known = GraphExecs::instance().find(exec) != nullptr && softcuda::find_stream(stream) != nullptr;
    return is_known ? cudaSuccess : cudaErrorInvalidValue;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec_handle, cudaStream_t stream_handle) {
  return result_of([&] {
    const auto exec = GraphExecs::instance().find(exec_handle);
    const auto stream = softcuda::find_stream(stream_handle);
    if (exec == nullptr || stream == nullptr) return cudaErrorInvalidValue;
    const auto nodes = std::make_shared<const std::vector<CUgraphNode_st>>(exec->nodes);
    stream->enqueue([nodes] { softcuda::run_graph(*nodes); });
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  return result_of(
      [&] { return GraphExecs::instance().remove(exec) == nullptr ? cudaErrorInvalidValue : cudaSuccess; });
}
