// SPDX-License-Identifier: Apache-2.0
// Graphs: order, parameters that change, and what is refused.
#include <vector>

#include "tests/support/softcuda/tests/launch.h"

namespace softcuda {
namespace {

struct StepArguments {
  std::uint32_t number;
};

/// Writes its number into the log.
__global__ void step(const __grid_constant__ KernelCall call) {
  auto* const log = call.binding<std::uint32_t>(0);
  if (threadIdx.x == 0) log[1 + atomicAdd(log, 1U)] = call.arguments<StepArguments>().number;
}

class Graph : public EverySchedule {
 protected:
  Graph() {
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
    EXPECT_EQ(cudaHostAlloc(&log_, 64 * sizeof(std::uint32_t), cudaHostAllocMapped), cudaSuccess);
    EXPECT_EQ(cudaGraphCreate(&graph_, 0), cudaSuccess);
    log_[0] = 0;
  }
  ~Graph() override {
    EXPECT_EQ(cudaGraphDestroy(graph_), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(stream_), cudaSuccess);
    EXPECT_EQ(cudaFreeHost(log_), cudaSuccess);
  }

  /// `body` with the parameters of a node that writes `number`.
  template <typename F>
  cudaError_t with_parameters(std::uint32_t number, F body) {
    KernelCall call = call_with({log_});
    const StepArguments arguments{number};
    std::memcpy(call.arguments_, &arguments, sizeof(arguments));
    void* kernel_arguments[] = {&call};
    cudaKernelNodeParams parameters{};
    parameters.func = reinterpret_cast<void*>(&step);
    parameters.gridDim = dim3(1);
    parameters.blockDim = dim3(32);
    parameters.kernelParams = kernel_arguments;
    return body(&parameters);
  }

  cudaGraphNode_t add(std::uint32_t number, const std::vector<cudaGraphNode_t>& dependencies) {
    cudaGraphNode_t node = nullptr;
    EXPECT_EQ(with_parameters(number,
                              [&](const cudaKernelNodeParams* parameters) {
                                return cudaGraphAddKernelNode(&node, graph_, dependencies.data(), dependencies.size(),
                                                              parameters);
                              }),
              cudaSuccess);
    return node;
  }

  /// Numbers in the order in which they were written.
  std::vector<std::uint32_t> run(cudaGraphExec_t exec) {
    log_[0] = 0;
    EXPECT_EQ(cudaGraphLaunch(exec, stream_), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    return {log_ + 1, log_ + 1 + log_[0]};
  }

  cudaStream_t stream_ = nullptr;
  cudaGraph_t graph_ = nullptr;
  std::uint32_t* log_ = nullptr;
};
SOFTCUDA_EVERY_SCHEDULE(Graph);

// 0 -> (1, 2, 3) -> nothing -> 4
TEST_P(Graph, KeepsDependencies) {
  const cudaGraphNode_t first = add(0, {});
  const std::vector<cudaGraphNode_t> middle{add(1, {first}), add(2, {first}), add(3, {first})};
  cudaGraphNode_t join = nullptr;
  ASSERT_EQ(cudaGraphAddEmptyNode(&join, graph_, middle.data(), middle.size()), cudaSuccess);
  const cudaGraphNode_t last = add(4, {join});
  cudaGraphExec_t exec = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph_), cudaSuccess);
  const std::vector<std::uint32_t> order = run(exec);
  ASSERT_EQ(order.size(), 5U);
  EXPECT_EQ(order.front(), 0U);
  EXPECT_EQ(order.back(), 4U);
  if (GetParam() == Schedule::kForward) {
    EXPECT_EQ(order, (std::vector<std::uint32_t>{0, 1, 2, 3, 4}));
  }
  if (GetParam() == Schedule::kReverse) {
    EXPECT_EQ(order, (std::vector<std::uint32_t>{0, 3, 2, 1, 4}));
  }
  EXPECT_EQ(with_parameters(9, [&](const auto* p) { return cudaGraphExecKernelNodeSetParams(exec, last, p); }),
            cudaSuccess);
  EXPECT_EQ(run(exec).back(), 9U);
  EXPECT_EQ(with_parameters(9, [&](const auto* p) { return cudaGraphExecKernelNodeSetParams(exec, join, p); }),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
  EXPECT_EQ(cudaGraphLaunch(exec, stream_), cudaErrorInvalidValue);
}

// Parameters are those of the moment of the launch.
TEST_P(Graph, ChangesAfterALaunchDoNotReachIt) {
  const cudaGraphNode_t node = add(1, {});
  cudaGraphExec_t exec = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph_), cudaSuccess);
  for (std::uint32_t number = 2; number < 20; ++number) {
    EXPECT_EQ(cudaGraphLaunch(exec, stream_), cudaSuccess);
    EXPECT_EQ(with_parameters(number, [&](const auto* p) { return cudaGraphExecKernelNodeSetParams(exec, node, p); }),
              cudaSuccess);
  }
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);  // what is under way goes on
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  ASSERT_EQ(log_[0], 18U);
  for (std::uint32_t i = 0; i < 18; ++i) EXPECT_EQ(log_[1 + i], 1 + i);
}

TEST_P(Graph, WrongNodesAreRefused) {
  const cudaGraphNode_t node = add(1, {});
  const cudaGraphNode_t twice[2] = {node, node};
  cudaGraph_t other = nullptr;
  cudaGraphNode_t made = nullptr;
  ASSERT_EQ(cudaGraphCreate(&other, 0), cudaSuccess);
  EXPECT_EQ(cudaGraphAddEmptyNode(&made, graph_, twice, 2), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGraphAddEmptyNode(&made, other, &node, 1), cudaErrorInvalidValue);  // of another graph
  EXPECT_EQ(with_parameters(1,
                            [&](const cudaKernelNodeParams* p) {
                              cudaKernelNodeParams wrong = *p;
                              wrong.blockDim = dim3(0);
                              return cudaGraphAddKernelNode(&made, graph_, nullptr, 0, &wrong);
                            }),
            cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGraphDestroy(other), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(other), cudaErrorInvalidValue);
}

TEST_P(Graph, AKernelOfAGraphCanFail) {
  reset({.schedule = GetParam(), .fail_launch = 2});
  add(2, {add(1, {add(0, {})})});
  cudaGraphExec_t exec = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph_), cudaSuccess);
  EXPECT_EQ(cudaGraphLaunch(exec, stream_), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaErrorIllegalAddress);
  EXPECT_EQ(log_[0], 1U);
  reset();
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
}

}  // namespace
}  // namespace softcuda
