// SPDX-License-Identifier: Apache-2.0
// Memory of the host side: what copies accept, what new memory holds, and when it runs out.
#include <array>
#include <cmath>
#include <vector>

#include "tests/support/softcuda/tests/launch.h"

namespace softcuda {
namespace {

class Memory : public testing::Test {
 protected:
  Memory() { reset({}); }
  ~Memory() override { reset(); }
};

TEST_F(Memory, CopiesBothWays) {
  const std::vector<float> in{1, 2, 3, 4};
  std::vector<float> out(4);
  float* device = nullptr;
  ASSERT_EQ(cudaMalloc(&device, 16), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(out.data(), device, 16, cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_TRUE(std::isnan(out[0]));  // new memory is poison
  EXPECT_EQ(cudaMemcpy(device, in.data(), 16, cudaMemcpyHostToDevice), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(device + 2, device, 8, cudaMemcpyDeviceToDevice), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(out.data(), device, 16, cudaMemcpyDefault), cudaSuccess);
  EXPECT_EQ(out, (std::vector<float>{1, 2, 1, 2}));
  EXPECT_EQ(cudaMemset(device, 0, 8), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(out.data(), device, 16, cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_EQ(out, (std::vector<float>{0, 0, 1, 2}));
  EXPECT_EQ(cudaFree(device), cudaSuccess);
}

TEST_F(Memory, WrongCopiesAreRefused) {
  std::array<char, 64> host{};
  char* device = nullptr;
  ASSERT_EQ(cudaMalloc(&device, 64), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(device, host.data(), 64, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(device + 1, host.data(), 64, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(host.data(), device, 64, static_cast<cudaMemcpyKind>(9)), cudaErrorInvalidMemcpyDirection);
  EXPECT_EQ(cudaMemset(host.data(), 0, 64), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(device + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(device), cudaSuccess);
  EXPECT_EQ(cudaFree(device), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(nullptr), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(device, host.data(), 64, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
}

TEST_F(Memory, PinnedMemoryIsTheDevicesToo) {
  float* host = nullptr;
  float* device = nullptr;
  ASSERT_EQ(cudaHostAlloc(&host, 8, cudaHostAllocMapped | cudaHostAllocPortable), cudaSuccess);
  EXPECT_EQ(cudaHostGetDevicePointer(&device, host, 0), cudaSuccess);
  EXPECT_EQ(device, host);
  EXPECT_EQ(cudaMemset(device, 0, 8), cudaSuccess);
  EXPECT_EQ(host[1], 0.0F);
  float elsewhere = 0;
  EXPECT_EQ(cudaHostGetDevicePointer(&device, &elsewhere, 0), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(host), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFreeHost(host), cudaSuccess);
}

TEST_F(Memory, RunsOut) {
  reset({.memory_bytes = 1000});
  void* first = nullptr;
  void* second = nullptr;
  std::size_t free = 0;
  std::size_t total = 0;
  EXPECT_EQ(cudaMalloc(&first, 600), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&second, 401), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  EXPECT_EQ(free, 400U);
  EXPECT_EQ(total, 1000U);
  EXPECT_EQ(cudaMalloc(&second, 400), cudaSuccess);
  EXPECT_EQ(cudaFree(first), cudaSuccess);
  EXPECT_EQ(cudaFree(second), cudaSuccess);
}

// A copy from pageable memory has its source when the call returns, one from pinned memory reads it later.
TEST_F(Memory, AsynchronousCopies) {
  cudaStream_t stream = nullptr;
  int* pinned = nullptr;
  int* device = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaHostAlloc(&pinned, 8, cudaHostAllocDefault), cudaSuccess);
  ASSERT_EQ(cudaMalloc(&device, 8), cudaSuccess);
  int pageable = 1;
  EXPECT_EQ(cudaMemcpyAsync(device, &pageable, 4, cudaMemcpyHostToDevice, stream), cudaSuccess);
  pageable = 2;
  pinned[0] = 3;
  EXPECT_EQ(cudaMemcpyAsync(device + 1, pinned, 4, cudaMemcpyHostToDevice, stream), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  std::array<int, 2> out{};
  EXPECT_EQ(cudaMemcpyAsync(out.data(), device, 8, cudaMemcpyDeviceToHost, stream), cudaSuccess);
  EXPECT_EQ(out, (std::array<int, 2>{1, 3}));  // done when the call returns: the destination is pageable
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_EQ(cudaFree(device), cudaSuccess);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

}  // namespace
}  // namespace softcuda
