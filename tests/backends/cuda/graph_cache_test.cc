// SPDX-License-Identifier: Apache-2.0
// Command buffers as graphs: what is recorded for the second time becomes one, parameters that differ are changed, and
// what runs is what was recorded.
#include "backends/cuda/graph_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "abi/copy.h"
#include "backends/cuda/cuda_memory.h"
#include "backends/cuda/kernel.h"
#include "tests/support/softcuda/softcuda.h"

namespace marlin::cuda {
namespace {

constexpr std::size_t kSteps = 16;

/// A chain of copies, each of the one before it.
class GraphCacheTest : public ::testing::Test {
 protected:
  GraphCacheTest() {
    softcuda::reset();
    cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking);
  }
  ~GraphCacheTest() override { cudaStreamDestroy(stream_); }

  /// From place `first` on; `skipped` is left out.
  std::vector<RecordedLaunch> copies(std::size_t first, std::size_t skipped = kSteps) {
    const CudaKernel& kernel = *find_kernel("copy_f32");
    const abi::CopyArguments arguments{.n = 1};
    std::vector<RecordedLaunch> launches;
    for (std::size_t i = 0; i < kSteps; ++i) {
      if (i == skipped) continue;
      const Launch launch = kernel.launch(reinterpret_cast<const std::byte*>(&arguments), GpuLimits{});
      RecordedLaunch& recorded = launches.emplace_back();
      std::memcpy(recorded.call.arguments_, &arguments, sizeof(arguments));
      recorded.call.bindings_[0] = values() + (i == 0 ? first : kPlaces + i - 1);
      recorded.call.bindings_[1] = values() + kPlaces + i;
      recorded.function = launch.function;
      recorded.grid = launch.grid;
      recorded.n_threads = launch.n_threads;
      recorded.shared_bytes = launch.shared_bytes;
      recorded.barrier = 1;
    }
    return launches;
  }

  /// Runs them and returns what came out at the end.
  float run(const std::vector<RecordedLaunch>& launches) {
    cache_.run(launches, stream_);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    return values()[kPlaces + kSteps - 1];
  }

  [[nodiscard]] float* values() { return reinterpret_cast<float*>(memory_.data()); }

  static constexpr std::size_t kPlaces = 8;
  GraphCache cache_;

 private:
  CudaMemory memory_{MemoryPlace::kHost, (kPlaces + kSteps) * sizeof(float), "values"};
  cudaStream_t stream_ = nullptr;
};

TEST_F(GraphCacheTest, TheSecondSightingMakesAGraphAndTheThirdReplaysIt) {
  for (int turn = 0; turn < 4; ++turn) {
    values()[0] = static_cast<float>(turn + 1);
    EXPECT_EQ(run(copies(0)), static_cast<float>(turn + 1));
    EXPECT_EQ(cache_.statistics().made, turn == 0 ? 0U : 1U);
  }
  EXPECT_EQ(cache_.statistics().direct, 1U);
  EXPECT_EQ(cache_.statistics().replays, 3U);
  EXPECT_EQ(cache_.statistics().changed_kernels, 0U);
}

TEST_F(GraphCacheTest, AParameterThatDiffersIsChanged) {
  for (std::size_t i = 0; i < kPlaces; ++i) values()[i] = static_cast<float>(10 + i);
  for (std::size_t i = 0; i < kPlaces; ++i) EXPECT_EQ(run(copies(i)), static_cast<float>(10 + i));
  EXPECT_EQ(cache_.statistics().made, 1U);
  EXPECT_EQ(cache_.statistics().changed_kernels, kPlaces - 2);
}

TEST_F(GraphCacheTest, AnotherNumberOfLaunchesIsAnotherGraph) {
  for (int turn = 0; turn < 3; ++turn) {
    values()[0] = static_cast<float>(turn + 1);
    EXPECT_EQ(run(copies(0)), static_cast<float>(turn + 1));
    values()[kPlaces + 3] = 7;
    EXPECT_EQ(run(copies(0, 3)), 7.0F);
  }
  EXPECT_EQ(cache_.statistics().made, 2U);
  EXPECT_EQ(cache_.statistics().direct, 2U);
}

TEST_F(GraphCacheTest, FewLaunchesAreNoGraph) {
  std::vector<RecordedLaunch> few = copies(0);
  few.resize(2);
  for (int turn = 0; turn < 3; ++turn) run(few);
  EXPECT_EQ(cache_.statistics().direct, 3U);
}

}  // namespace
}  // namespace marlin::cuda
