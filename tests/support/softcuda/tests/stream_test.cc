// SPDX-License-Identifier: Apache-2.0
// Streams, events, launches, and how failures come out.
#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/softcuda/tests/launch.h"

namespace softcuda {
namespace {

class Streams : public testing::Test {
 protected:
  Streams() {
    reset({});
    for (cudaStream_t& stream : streams_)
      EXPECT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    EXPECT_EQ(cudaHostAlloc(&values_, 64 * sizeof(int), cudaHostAllocMapped), cudaSuccess);
    std::fill_n(values_, 64, 0);
  }
  ~Streams() override {
    reset();
    for (const cudaStream_t stream : streams_) EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
    EXPECT_EQ(cudaFreeHost(values_), cudaSuccess);
  }

  cudaError_t launch_on(cudaStream_t stream, void (*kernel)(KernelCall), std::size_t shared_bytes = 0) {
    KernelCall call = call_with({values_});
    void* arguments[] = {&call};
    return cudaLaunchKernel(kernel, 1, 32, arguments, shared_bytes, stream);
  }

  cudaStream_t streams_[2] = {};
  int* values_ = nullptr;
};

__global__ void add_one(const __grid_constant__ KernelCall call) { ++call.binding<int>(0)[threadIdx.x]; }

__global__ void double_all(const __grid_constant__ KernelCall call) { call.binding<int>(0)[threadIdx.x] *= 2; }

/// A function of the host that holds a stream up.
struct Gate {
  std::atomic<bool> is_open{false};
  static void wait(void* gate) {
    while (!static_cast<Gate*>(gate)->is_open) std::this_thread::yield();
  }
};

TEST_F(Streams, AreCarriedOutInOrderAndLater) {
  Gate gate;
  EXPECT_EQ(cudaLaunchHostFunc(streams_[0], Gate::wait, &gate), cudaSuccess);
  EXPECT_EQ(launch_on(streams_[0], add_one), cudaSuccess);
  EXPECT_EQ(launch_on(streams_[0], double_all), cudaSuccess);
  EXPECT_EQ(launch_on(streams_[0], add_one), cudaSuccess);
  EXPECT_EQ(cudaStreamQuery(streams_[0]), cudaErrorNotReady);
  EXPECT_EQ(cudaStreamSynchronize(streams_[1]), cudaSuccess);  // waits for nobody else
  EXPECT_EQ(values_[31], 0);
  gate.is_open = true;
  EXPECT_EQ(cudaStreamSynchronize(streams_[0]), cudaSuccess);
  EXPECT_EQ(cudaStreamQuery(streams_[0]), cudaSuccess);
  EXPECT_EQ(values_[31], 3);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);  // not ready is no error
}

TEST_F(Streams, WaitForEvents) {
  Gate gate;
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(event), cudaSuccess);  // never recorded
  EXPECT_EQ(cudaLaunchHostFunc(streams_[0], Gate::wait, &gate), cudaSuccess);
  EXPECT_EQ(launch_on(streams_[0], add_one), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(event, streams_[0]), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(streams_[1], event), cudaSuccess);
  EXPECT_EQ(launch_on(streams_[1], double_all), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(event), cudaErrorNotReady);
  gate.is_open = true;
  EXPECT_EQ(cudaStreamSynchronize(streams_[1]), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(event), cudaSuccess);
  EXPECT_EQ(values_[0], 2);
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(event), cudaErrorInvalidResourceHandle);
}

TEST_F(Streams, EventsKeepTime) {
  cudaEvent_t events[2] = {};
  for (cudaEvent_t& event : events) ASSERT_EQ(cudaEventCreate(&event), cudaSuccess);
  float ms = -1;
  EXPECT_EQ(cudaEventElapsedTime(&ms, events[0], events[1]), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaEventRecord(events[0], streams_[0]), cudaSuccess);
  EXPECT_EQ(cudaLaunchHostFunc(
                streams_[0], [](void*) { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }, nullptr),
            cudaSuccess);
  EXPECT_EQ(cudaEventRecord(events[1], streams_[0]), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(events[1]), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&ms, events[0], events[1]), cudaSuccess);
  EXPECT_GE(ms, 5.0F);
  for (const cudaEvent_t event : events) EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
}

TEST_F(Streams, WrongLaunchesAreRefused) {
  KernelCall call{};
  void* arguments[] = {&call};
  EXPECT_EQ(cudaLaunchKernel(add_one, dim3(0), dim3(32), arguments), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaLaunchKernel(add_one, dim3(1), dim3(1025), arguments), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaLaunchKernel(add_one, dim3(1, 65536), dim3(32), arguments), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch_on(streams_[0], add_one, 48 * 1024 + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(add_one, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024 + 1),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(add_one, cudaFuncAttributeMaxDynamicSharedMemorySize, 100 * 1024), cudaSuccess);
  EXPECT_EQ(launch_on(streams_[0], add_one, 100 * 1024), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(streams_[0]), cudaSuccess);
  EXPECT_EQ(values_[0], 1);
  cudaFuncAttributes attributes{};
  EXPECT_EQ(cudaFuncGetAttributes(&attributes, add_one), cudaSuccess);
  EXPECT_EQ(attributes.maxDynamicSharedSizeBytes, 100 * 1024);
  cudaStream_t stream = nullptr;
  EXPECT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamDefault), cudaErrorNotSupported);
}

TEST_F(Streams, LaunchesWithAttributes) {
  KernelCall call = call_with({values_});
  void* arguments[] = {&call};
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  const cudaLaunchConfig_t config{1, 32, 0, streams_[0], &overlap, 1};
  EXPECT_EQ(cudaLaunchKernelExC(&config, reinterpret_cast<const void*>(&add_one), arguments), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(values_[5], 1);
}

TEST_F(Streams, FailuresStick) {
  reset({.fail_launch = 2});
  bool has_run = false;
  EXPECT_EQ(launch_on(streams_[0], add_one), cudaSuccess);
  EXPECT_EQ(launch_on(streams_[0], add_one), cudaSuccess);  // fails, later
  EXPECT_EQ(cudaLaunchHostFunc(
                streams_[0], [](void* flag) { *static_cast<bool*>(flag) = true; }, &has_run),
            cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(streams_[0]), cudaErrorIllegalAddress);
  EXPECT_EQ(values_[0], 1);
  EXPECT_FALSE(has_run);
  EXPECT_EQ(launch_on(streams_[1], add_one), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);  // for good
  EXPECT_STREQ(cudaGetErrorName(cudaErrorIllegalAddress), "cudaErrorIllegalAddress");
}

TEST_F(Streams, NoFunctionOfTheRuntimeInFunctionsOfTheHost) {
  cudaError_t error = cudaSuccess;
  EXPECT_EQ(cudaLaunchHostFunc(
                streams_[0], [](void* e) { *static_cast<cudaError_t*>(e) = cudaDeviceSynchronize(); }, &error),
            cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(streams_[0]), cudaSuccess);
  EXPECT_EQ(error, cudaErrorNotPermitted);
}

TEST(Device, IsAsTheOptionsSay) {
  int n = -1;
  reset({.n_devices = 0});
  EXPECT_EQ(cudaGetDeviceCount(&n), cudaErrorNoDevice);
  EXPECT_EQ(n, 0);
  reset({.driver_version = 12000});
  EXPECT_EQ(cudaGetDeviceCount(&n), cudaErrorInsufficientDriver);
  EXPECT_EQ(cudaDriverGetVersion(&n), cudaSuccess);
  EXPECT_EQ(n, 12000);
  reset({.multiprocessors = 7, .compute_capability = 86, .memory_bytes = 1 << 20});
  EXPECT_EQ(cudaGetDeviceCount(&n), cudaSuccess);
  EXPECT_EQ(n, 1);
  EXPECT_EQ(cudaSetDevice(1), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaSetDevice(0), cudaSuccess);
  cudaDeviceProp properties{};
  EXPECT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
  EXPECT_EQ(properties.multiProcessorCount, 7);
  EXPECT_EQ(properties.major * 10 + properties.minor, 86);
  EXPECT_EQ(properties.totalGlobalMem, 1U << 20U);
  EXPECT_EQ(cudaDeviceGetAttribute(&n, cudaDevAttrMultiProcessorCount, 0), cudaSuccess);
  EXPECT_EQ(n, 7);
  reset();
}

}  // namespace
}  // namespace softcuda
