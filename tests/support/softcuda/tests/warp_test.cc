// SPDX-License-Identifier: Apache-2.0
// Shuffles and votes, whole warps and parts of them.
#include <bit>
#include <cmath>
#include <vector>

#include "tests/support/softcuda/tests/launch.h"

namespace softcuda {
namespace {

constexpr unsigned kAll = 0xFFFFFFFFU;

class Warp : public EverySchedule {};
SOFTCUDA_EVERY_SCHEDULE(Warp);

/// [kind][operand][thread], of values 1000 + thread.
template <int kWidth>
__global__ void shuffle_all(const __grid_constant__ KernelCall call) {
  auto* const out = call.binding<int>(0);
  const int value = 1000 + static_cast<int>(threadIdx.x);
  for (int operand = 0; operand < 32; ++operand) {
    int* const at = out + operand * 64 + threadIdx.x;
    at[0] = __shfl_sync(kAll, value, operand, kWidth);
    at[32 * 64] = __shfl_up_sync(kAll, value, static_cast<unsigned>(operand), kWidth);
    at[2 * 32 * 64] = __shfl_down_sync(kAll, value, static_cast<unsigned>(operand), kWidth);
    at[3 * 32 * 64] = __shfl_xor_sync(kAll, value, operand, kWidth);
  }
}

template <int kWidth>
void check_shuffles() {
  std::vector<int> out(4 * 32 * 64);
  launch(shuffle_all<kWidth>, {1}, 64, {out.data()});
  for (int operand = 0; operand < 32; ++operand) {
    for (int thread = 0; thread < 64; ++thread) {
      const int lane = thread % 32;
      const int first = lane / kWidth * kWidth;
      const int sources[4] = {first + operand % kWidth, lane - operand < first ? lane : lane - operand,
                              lane + operand >= first + kWidth ? lane : lane + operand,
                              (lane ^ operand) >= first + kWidth ? lane : lane ^ operand};
      for (int kind = 0; kind < 4; ++kind) {
        ASSERT_EQ(out[static_cast<std::size_t>((kind * 32 + operand) * 64 + thread)],
                  1000 + thread - lane + sources[kind])
            << "kind " << kind << ", operand " << operand << ", thread " << thread << ", width " << kWidth;
      }
    }
  }
}

TEST_P(Warp, Shuffles) {
  check_shuffles<32>();
  check_shuffles<16>();
  check_shuffles<4>();
  check_shuffles<1>();
}

__global__ void shuffle_types(const __grid_constant__ KernelCall call) {
  const int source = 31 - static_cast<int>(threadIdx.x);
  call.binding<float>(0)[threadIdx.x] = __shfl_sync(kAll, 0.5F * static_cast<float>(threadIdx.x), source);
  call.binding<std::uint64_t>(1)[threadIdx.x] = __shfl_sync(kAll, (std::uint64_t{threadIdx.x} << 40U) + 1, source);
}

TEST_P(Warp, ShufflesOfOtherTypes) {
  std::vector<float> floats(32);
  std::vector<std::uint64_t> words(32);
  launch(shuffle_types, {1}, 32, {floats.data(), words.data()});
  for (std::uint64_t i = 0; i < 32; ++i) {
    EXPECT_EQ(floats[i], 0.5F * static_cast<float>(31 - i));
    EXPECT_EQ(words[i], ((31 - i) << 40U) + 1);
  }
}

// Both halves of the warp shuffle on their own, in code that diverges; the upper one does it twice.
__global__ void shuffle_halves(const __grid_constant__ KernelCall call) {
  int value = static_cast<int>(threadIdx.x);
  if (threadIdx.x < 16) {
    value = __shfl_xor_sync(0x0000FFFFU, value, 1);
  } else {
    value = __shfl_xor_sync(0xFFFF0000U, value, 1);
    value = __shfl_xor_sync(0xFFFF0000U, value, 2);
  }
  __syncwarp();
  call.binding<int>(0)[threadIdx.x] = __shfl_sync(kAll, value, static_cast<int>(threadIdx.x) ^ 16);
}

TEST_P(Warp, DivergentHalves) {
  std::vector<int> out(32);
  launch(shuffle_halves, {1}, 32, {out.data()});
  for (int i = 0; i < 32; ++i) {
    const int from = i ^ 16;
    EXPECT_EQ(out[static_cast<std::size_t>(i)], from < 16 ? from ^ 1 : from ^ 3);
  }
}

// A lane that takes no part has no value: NaN.
__global__ void shuffle_from_absent(const __grid_constant__ KernelCall call) {
  if (threadIdx.x >= 24) return;
  call.binding<float>(0)[threadIdx.x] = __shfl_down_sync(kAll, static_cast<float>(threadIdx.x), 8);
}

TEST_P(Warp, AbsentLanesArePoison) {
  std::vector<float> out(32);
  launch(shuffle_from_absent, {1}, 32, {out.data()});
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(out[i], static_cast<float>(i + 8));
  for (std::size_t i = 16; i < 24; ++i) EXPECT_TRUE(std::isnan(out[i])) << i;
}

__global__ void vote(const __grid_constant__ KernelCall call) {
  auto* const out = call.binding<unsigned>(0) + 6 * threadIdx.x;
  const unsigned lane = threadIdx.x % 32;
  out[0] = __ballot_sync(kAll, lane % 3 == 0);
  out[1] = static_cast<unsigned>(__any_sync(kAll, lane == 7));
  out[2] = static_cast<unsigned>(__any_sync(kAll, lane > 31));
  out[3] = static_cast<unsigned>(__all_sync(kAll, lane < 32));
  out[4] = static_cast<unsigned>(__all_sync(kAll, lane != 7));
  out[5] = __match_any_sync(kAll, lane / 5);
}

TEST_P(Warp, Votes) {
  std::vector<unsigned> out(6 * 64);
  launch(vote, {1}, 64, {out.data()});
  unsigned thirds = 0;
  for (unsigned lane = 0; lane < 32; lane += 3) thirds |= 1U << lane;
  for (unsigned thread = 0; thread < 64; ++thread) {
    const unsigned* const row = &out[6 * static_cast<std::size_t>(thread)];
    EXPECT_EQ(row[0], thirds);
    EXPECT_EQ(row[1], 1U);
    EXPECT_EQ(row[2], 0U);
    EXPECT_EQ(row[3], 1U);
    EXPECT_EQ(row[4], 0U);
    EXPECT_EQ(row[5], 0x1FU << thread % 32 / 5 * 5);
  }
}

__global__ void vote_of_part(const __grid_constant__ KernelCall call) {
  if (threadIdx.x % 2 == 0) call.binding<unsigned>(0)[threadIdx.x] = __ballot_sync(0x55555555U, threadIdx.x < 8);
}

TEST_P(Warp, VoteOfEvenLanes) {
  std::vector<unsigned> out(32);
  launch(vote_of_part, {1}, 32, {out.data()});
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(out[i], i % 2 == 0 ? 0x55U : 0U);
}

__global__ void missing_lane(const __grid_constant__ KernelCall /*call*/) {
  if (threadIdx.x != 5) __syncwarp();
  __syncthreads();
}

__global__ void unnamed_lane(const __grid_constant__ KernelCall /*call*/) { __syncwarp(0x0000FFFFU); }

__global__ void mixed_functions(const __grid_constant__ KernelCall call) {
  const float x = threadIdx.x < 16 ? __shfl_xor_sync(kAll, 1.0F, 1) : __shfl_down_sync(kAll, 1.0F, 1);
  call.binding<float>(0)[threadIdx.x] = x;
}

TEST(WarpDeath, LanesThatNeverMeet) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(launch(missing_lane, {1}, 64, {}),
               "kernel softcuda::.*missing_lane.*, block \\(0, 0, 0\\) can never go on:\n"
               "  threads 0 to 4: wait at __syncwarp of lanes ffffffff, .*warp_test.cc:[0-9]+\n"
               "  threads 5 to 5: wait at __syncthreads, .*\n"
               "  threads 6 to 31: wait at __syncwarp");
  EXPECT_DEATH(launch(unnamed_lane, {1}, 32, {}), "__syncwarp with a mask that does not name the lane itself");
  float out[32];
  EXPECT_DEATH(launch(mixed_functions, {1}, 32, {out}),
               "0 to 15: wait at __shfl_xor_sync.*\n.*16 to 31: wait at __shfl_down");
}

}  // namespace
}  // namespace softcuda
