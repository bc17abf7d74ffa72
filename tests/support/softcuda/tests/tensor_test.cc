// SPDX-License-Identifier: Apache-2.0
// Matrix instructions against plain loops, and asynchronous copies, called as kernels call them.
#include <cuda_fp16.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "backends/cuda/kernels/async_copy.h"
#include "backends/cuda/kernels/mma.h"
#include "backends/cuda/kernels/shared_memory.h"
#include "tests/support/softcuda/tests/launch.h"

namespace softcuda {
namespace {

class Tensor : public EverySchedule {};
SOFTCUDA_EVERY_SCHEDULE(Tensor);

__device__ std::uint32_t pair(const __half* first, std::size_t stride) {
  return first[0].bits_ | static_cast<std::uint32_t>(first[stride].bits_) << 16U;
}

// a[16][16], b[16][8], d[16][8], fragments filled by the manual's indices.
template <bool kBfloat16>
__global__ void multiply_matrices(const __grid_constant__ KernelCall call) {
  const auto* const a = call.binding<__half>(0);
  const auto* const b = call.binding<__half>(1);
  auto* const d = call.binding<float>(2);
  const unsigned g = threadIdx.x / 4;
  const unsigned m = threadIdx.x % 4 * 2;
  const std::uint32_t af[4] = {pair(a + g * 16 + m, 1), pair(a + (g + 8) * 16 + m, 1), pair(a + g * 16 + m + 8, 1),
                               pair(a + (g + 8) * 16 + m + 8, 1)};
  const std::uint32_t bf[2] = {pair(b + m * 8 + g, 8), pair(b + (m + 8) * 8 + g, 8)};
  float df[4] = {d[g * 8 + m], d[g * 8 + m + 1], d[(g + 8) * 8 + m], d[(g + 8) * 8 + m + 1]};
  if constexpr (kBfloat16) {
    mma_m16n8k16_bf16(df, af, bf);
  } else {
    marlin::cuda::mma_m16n8k16(df, af, bf);
  }
  d[g * 8 + m] = df[0];
  d[g * 8 + m + 1] = df[1];
  d[(g + 8) * 8 + m] = df[2];
  d[(g + 8) * 8 + m + 1] = df[3];
}

TEST_P(Tensor, Mma) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<__half> a(16 * 16);
  std::vector<__half> b(16 * 8);
  std::vector<float> d(16 * 8);
  for (auto& x : a) x = __half(normal(random));
  for (auto& x : b) x = __half(normal(random));
  for (auto& x : d) x = normal(random);
  a[3] = __half(1e-7F);  // a subnormal number counts
  const std::vector<float> before = d;
  launch(multiply_matrices<false>, {1}, 32, {a.data(), b.data(), d.data()});
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 8; ++j) {
      double sum = static_cast<double>(before[i * 8 + j]);
      double size = std::fabs(sum);
      for (std::size_t k = 0; k < 16; ++k) {
        const double product =
            static_cast<double>(__half2float(a[i * 16 + k])) * static_cast<double>(__half2float(b[k * 8 + j]));
        sum += product;
        size += std::fabs(product);
      }
      ASSERT_NEAR(static_cast<double>(d[i * 8 + j]), sum, size * 0x1p-20);  // 16 roundings of 2^-24
    }
  }
}

// Small integers: every sum is exact.
TEST_P(Tensor, MmaOfBfloat16) {
  const auto number = [](std::size_t i) { return static_cast<float>(static_cast<int>(i * 7 % 19) - 9); };
  const auto bfloat16 = [](float x) {
    return __ushort_as_half(static_cast<unsigned short>(std::bit_cast<std::uint32_t>(x) >> 16U));
  };
  std::vector<__half> a(16 * 16);
  std::vector<__half> b(16 * 8);
  std::vector<float> d(16 * 8, 0.5F);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = bfloat16(number(i));
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = bfloat16(number(i + 5));
  launch(multiply_matrices<true>, {1}, 32, {a.data(), b.data(), d.data()});
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 8; ++j) {
      float sum = 0.5F;
      for (std::size_t k = 0; k < 16; ++k) sum += number(i * 16 + k) * number(k * 8 + j + 5);
      ASSERT_EQ(d[i * 8 + j], sum) << i << ", " << j;
    }
  }
}

template <bool kTransposed>
__global__ void load_four(const __grid_constant__ KernelCall call) {
  __shared__ __align__(16) std::uint16_t matrices[32][8];
  for (unsigned i = 0; i < 8; ++i) matrices[threadIdx.x][i] = static_cast<std::uint16_t>(threadIdx.x * 8 + i);
  __syncwarp();
  std::uint32_t r[4];
  marlin::cuda::load_matrices<kTransposed>(r, matrices[threadIdx.x]);
  for (unsigned i = 0; i < 4; ++i) call.binding<std::uint32_t>(0)[threadIdx.x * 4 + i] = r[i];
}

TEST_P(Tensor, LoadMatrices) {
  std::vector<std::uint32_t> plain(128);
  std::vector<std::uint32_t> transposed(128);
  launch(load_four<false>, {1}, 32, {plain.data()});
  launch(load_four<true>, {1}, 32, {transposed.data()});
  const auto element = [](unsigned matrix, unsigned row, unsigned column) { return matrix * 64 + row * 8 + column; };
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned g = lane / 4;
      const unsigned m = 2 * (lane % 4);
      ASSERT_EQ(plain[lane * 4 + i], element(i, g, m) | element(i, g, m + 1) << 16U);
      ASSERT_EQ(transposed[lane * 4 + i], element(i, m, g) | element(i, m + 1, g) << 16U);
    }
  }
}

// Three groups of one copy each; out: what shared memory holds when at most 2, 1, 0 are under way.
__global__ void copy_groups(const __grid_constant__ KernelCall call) {
  auto* const shared = marlin::cuda::dynamic_shared<float>();
  const auto* const in = call.binding<float>(0);
  auto* const out = call.binding<float>(1);
  const auto record = [&](unsigned turn) {
    for (unsigned i = 0; i < 12; ++i) out[turn * 12 + i] = shared[i];
  };
  for (unsigned i = 0; i < 12; ++i) shared[i] = 7.0F;
  for (unsigned i = 0; i < 3; ++i) {
    marlin::cuda::copy_async16(shared + 4 * i, in + 4 * i, i == 2 ? 8 : 16);
    marlin::cuda::end_copy_group();
  }
  record(0);
  marlin::cuda::wait_for_copies<2>();
  record(1);
  marlin::cuda::wait_for_copies<1>();
  record(2);
  marlin::cuda::wait_for_copies<0>();
  record(3);
}

TEST_P(Tensor, CopiesArePoisonUntilWaitedFor) {
  alignas(16) const float in[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  float out[4][12];
  launch(copy_groups, {1}, 32, {in, out}, 48);
  for (std::size_t turn = 0; turn < 4; ++turn) {
    for (std::size_t i = 0; i < 12; ++i) {
      if (i >= 4 * turn) {
        EXPECT_TRUE(std::isnan(out[turn][i])) << turn << ", " << i;
      } else {
        EXPECT_EQ(out[turn][i], i < 10 ? in[i] : 0.0F) << turn << ", " << i;
      }
    }
  }
}

// Not in a group: waiting for groups does not wait for it.
__global__ void copy_without_group(const __grid_constant__ KernelCall call) {
  auto* const shared = marlin::cuda::dynamic_shared<float>();
  marlin::cuda::copy_async16(shared, call.binding<float>(0));
  marlin::cuda::wait_for_copies<0>();
  call.binding<float>(1)[0] = shared[0];
}

TEST_P(Tensor, CopyOutsideOfAGroup) {
  alignas(16) const float in[4] = {1, 2, 3, 4};
  float out = 0;
  launch(copy_without_group, {1}, 32, {in, &out}, 16);
  EXPECT_TRUE(std::isnan(out));
}

__global__ void misaligned_copy(const __grid_constant__ KernelCall call) {
  marlin::cuda::copy_async16(marlin::cuda::dynamic_shared<float>(), call.binding<float>(0) + 1);
}

__global__ void mma_of_half_a_warp(const __grid_constant__ KernelCall /*call*/) {
  if (threadIdx.x >= 16) return;
  float d[4] = {};
  const std::uint32_t a[4] = {};
  const std::uint32_t b[2] = {};
  marlin::cuda::mma_m16n8k16(d, a, b);
}

TEST(TensorDeath, SaysWhatIsWrong) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  alignas(16) const float in[8] = {};
  EXPECT_DEATH(launch(misaligned_copy, {1}, 32, {in}, 16),
               "thread 0: copy_async16 with an address that is no multiple of 16");
  EXPECT_DEATH(
      launch(mma_of_half_a_warp, {1}, 32, {}),
      "mma_m16n8k16 without all lanes of the warp:\n  threads 0 to 1[45]: wait at mma_m16n8k16 of lanes ffffffff");
}

}  // namespace
}  // namespace softcuda
