// SPDX-License-Identifier: Apache-2.0
// Barriers, shared memory, places of threads, and blocks that work together.
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "backends/cuda/kernels/shared_memory.h"
#include "tests/support/softcuda/tests/launch.h"

namespace softcuda {
namespace {

class Block : public EverySchedule {};
SOFTCUDA_EVERY_SCHEDULE(Block);

__global__ void __launch_bounds__(256) reverse_twice(const __grid_constant__ KernelCall call) {
  __shared__ float values[256];
  float value = static_cast<float>(blockIdx.x * 256 + threadIdx.x);
  for (int turn = 0; turn < 3; ++turn) {
    values[threadIdx.x] = value;
    __syncthreads();
    value = values[255 - threadIdx.x];
    __syncthreads();
  }
  call.binding<float>(0)[blockIdx.x * 256 + threadIdx.x] = value;
}

TEST_P(Block, Barriers) {
  std::vector<float> out(7 * 256);
  launch(reverse_twice, {7}, 256, {out.data()});
  for (std::size_t i = 0; i < out.size(); ++i) {
    ASSERT_EQ(out[i], static_cast<float>(i / 256 * 256 + 255 - i % 256)) << i;
  }
}

// A barrier does not wait for threads that have returned, before it or while others wait.
__global__ void return_early(const __grid_constant__ KernelCall call) {
  __shared__ int count;
  if (threadIdx.x == 100) return;
  if (threadIdx.x == 0) count = 0;
  __syncthreads();
  if (threadIdx.x >= 90) return;
  atomicAdd(&count, 1);
  __syncthreads();
  call.binding<int>(0)[threadIdx.x] = count;
}

TEST_P(Block, ThreadsThatReturnedAreNotWaitedFor) {
  std::vector<int> out(128);
  launch(return_early, {1}, 128, {out.data()});
  for (std::size_t i = 0; i < 128; ++i) EXPECT_EQ(out[i], i < 90 ? 90 : 0);
}

template <typename T>
__device__ T* shared_of_template() {
  __shared__ T values[32];
  return values;
}

__device__ inline float* shared_of_inline() {
  __shared__ float values[32];
  return values;
}

// Reads what no thread of the block has written, then writes it.
__global__ void read_unwritten(const __grid_constant__ KernelCall call) {
  __shared__ float own[32];
  auto* const dynamic = marlin::cuda::dynamic_shared<float>();
  float* const all[5] = {own, shared_of_template<float>(), reinterpret_cast<float*>(shared_of_template<int>()),
                         shared_of_inline(), dynamic};
  for (int i = 0; i < 5; ++i) {
    call.binding<float>(0)[(blockIdx.x * 5 + static_cast<unsigned>(i)) * 32 + threadIdx.x] = all[i][threadIdx.x];
    all[i][threadIdx.x] = 1.0F;
  }
}

TEST_P(Block, SharedMemoryBeginsAsPoison) {
  std::vector<float> out(3 * 5 * 32);
  launch(read_unwritten, {3}, 32, {out.data()}, 128);
  for (std::size_t i = 0; i < out.size(); ++i) ASSERT_TRUE(std::isnan(out[i])) << i;
}

__global__ void write_places(const __grid_constant__ KernelCall call) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  call.binding<unsigned>(0)[block * blockDim.x + threadIdx.x] += blockIdx.x + 10 * blockIdx.y + 100 * blockIdx.z + 1;
}

TEST_P(Block, EveryBlockOnce) {
  std::vector<unsigned> out(3 * 4 * 5 * 32);
  launch(write_places, {3, 4, 5}, 32, {out.data()});
  for (unsigned i = 0; i < out.size(); ++i) {
    const unsigned block = i / 32;
    ASSERT_EQ(out[i], block % 3 + 10 * (block / 3 % 4) + 100 * (block / 12) + 1) << i;
  }
}

// The last block to arrive adds up what all have left in scratch.
__global__ void sum_by_ticket(const __grid_constant__ KernelCall call) {
  __shared__ unsigned ticket;
  auto* const parts = reinterpret_cast<float*>(call.scratch);
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = static_cast<float>(blockIdx.x);
    __threadfence();
    ticket = atomicAdd(call.counters, 1U);
  }
  __syncthreads();
  if (ticket + 1 != gridDim.x || threadIdx.x != 0) return;
  float sum = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) sum += __ldcg(parts + i);
  *call.binding<float>(0) = sum;
  *call.counters = 0;
}

TEST_P(Block, Tickets) {
  float sum = 0;
  run_kernel({sum_by_ticket, {100}, 64, 0, 400, 1}, call_with({&sum}));
  EXPECT_EQ(sum, 4950.0F);
}

// A race: thread 0 writes after the barrier what others read after it.
__global__ void race(const __grid_constant__ KernelCall call) {
  __shared__ int value;
  if (threadIdx.x == 0) value = 1;
  __syncthreads();
  if (threadIdx.x == 0) value = 2;
  call.binding<int>(0)[threadIdx.x] = value;
}

TEST(Schedules, ShowRaces) {
  std::vector<int> out(64);
  reset({.schedule = Schedule::kForward});
  launch(race, {1}, 64, {out.data()});
  const int forward = out[63];
  reset({.schedule = Schedule::kReverse});
  launch(race, {1}, 64, {out.data()});
  EXPECT_NE(forward, out[63]);
  reset();
}

__global__ void order_of_threads(const __grid_constant__ KernelCall call) {
  auto* const out = call.binding<unsigned>(0);
  out[1 + atomicAdd(out, 1U)] = blockIdx.x * blockDim.x + threadIdx.x;
}

TEST(Schedules, AreWhatTheySay) {
  const auto order = [](const Options& options) {
    reset(options);
    std::vector<unsigned> out(1 + 4 * 96);
    launch(order_of_threads, {4}, 96, {out.data()});
    reset();
    return std::vector<unsigned>(out.begin() + 1, out.end());
  };
  std::vector<unsigned> expected(4 * 96);
  std::iota(expected.begin(), expected.end(), 0U);
  EXPECT_EQ(order({.schedule = Schedule::kForward}), expected);
  std::reverse(expected.begin(), expected.end());
  EXPECT_EQ(order({.schedule = Schedule::kReverse}), expected);
  const auto random = order({.schedule = Schedule::kRandom, .seed = 1});
  EXPECT_NE(random, expected);
  EXPECT_EQ(random, order({.schedule = Schedule::kRandom, .seed = 1}));
  EXPECT_NE(random, order({.schedule = Schedule::kRandom, .seed = 2}));
}

__global__ void divergent_barrier(const __grid_constant__ KernelCall /*call*/) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

__global__ void barrier_without_a_lane(const __grid_constant__ KernelCall call) {
  if (threadIdx.x == 40) call.binding<int>(0)[0] = __shfl_sync(0xFFFFFFFFU, 1, 0);
  __syncthreads();
}

__global__ void leave_counter(const __grid_constant__ KernelCall call) { *call.counters = 1; }

TEST(BlockDeath, SaysWhatIsWrong) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      launch(divergent_barrier, {1}, 64, {}),
      "divergent_barrier.*__syncthreads of .*block_test.cc:[0-9]+ while other threads of the block wait at another "
      "one:\n  threads 0 to 31: wait at __syncthreads, .*block_test.cc");
  int out = 0;
  EXPECT_DEATH(launch(barrier_without_a_lane, {2}, 64, {&out}),
               "threads 40 to 40: wait at __shfl_sync of lanes ffffffff");
  EXPECT_DEATH(run_kernel({leave_counter, {1}, 32, 0, 0, 2}, call_with({})), "a counter that is not 0");
  EXPECT_DEATH(run_kernel({leave_counter, {1}, 33}, call_with({})), "threads of a block");
}

}  // namespace
}  // namespace softcuda
