// SPDX-License-Identifier: Apache-2.0
#include "backends/cuda/cuda_context.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/cuda/cuda_error.h"
#include "backends/cuda/kernels/harvest.h"
#include "base/error.h"

namespace marlin::cuda {
namespace {

constexpr std::size_t kFirstScratchBytes = std::size_t{64} << 20;
constexpr std::size_t kFirstCounters = std::size_t{1} << 16;
constexpr std::uint32_t kLeastCapability = 80;

int attribute(cudaDeviceAttr which) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, which, 0), "asking for the GPU's limits");
  return value;
}

std::string find_name(const GpuLimits& limits) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "asking for the GPU's name");
  return fmt::format("{}, {} multiprocessors", static_cast<const char*>(properties.name), limits.n_multiprocessors);
}

/// Memory of at least `bytes`, the last of `all`, which grows by whole pieces: launches may still name the others.
std::byte* grown(std::vector<CudaMemory>& all, std::size_t bytes, std::size_t first_bytes, std::string_view label) {
  if (all.empty() || all.back().bytes() < bytes) {
    const std::size_t twice = all.empty() ? first_bytes : 2 * all.back().bytes();
    all.emplace_back(MemoryPlace::kDevice, std::max(bytes, twice), label);
  }
  return all.back().data();
}

}  // namespace

GpuLimits find_limits() {
  int n_devices = 0;
  check(cudaGetDeviceCount(&n_devices), "looking for a GPU");
  if (n_devices == 0) throw make_error(cudaErrorNoDevice, "looking for a GPU");
  const GpuLimits limits = {
      .n_multiprocessors = static_cast<std::uint32_t>(attribute(cudaDevAttrMultiProcessorCount)),
      .max_shared_bytes = static_cast<std::uint32_t>(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin)),
      .compute_capability = static_cast<std::uint32_t>(10 * attribute(cudaDevAttrComputeCapabilityMajor) +
                                                       attribute(cudaDevAttrComputeCapabilityMinor))};
  if (limits.compute_capability < kLeastCapability) {
    fail(ErrorCode::kUnsupported,
         "this GPU has compute capability {}.{}; the cuda backend needs {}.{} or more: use --backend cpu",
         limits.compute_capability / 10, limits.compute_capability % 10, kLeastCapability / 10, kLeastCapability % 10);
  }
  return limits;
}

CudaContext::Stream::Stream() {
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
}

CudaContext::Stream::~Stream() { cudaStreamDestroy(stream_); }

CudaContext::CudaContext()
    : limits_(find_limits()),
      name_(find_name(limits_)),
      failure_record_(MemoryPlace::kDevice, sizeof(abi::KernelFailure), "failure of a kernel") {}

CudaContext::~CudaContext() = default;

Borrowed CudaContext::borrow(std::size_t scratch_offset, std::size_t scratch_bytes, std::size_t first_counter,
                             std::size_t n_counters) {
  const std::lock_guard lock(mutex_);
  std::byte* const scratch = grown(scratch_, scratch_offset + scratch_bytes, kFirstScratchBytes, "scratch of kernels");
  std::byte* const counters = grown(counters_, (first_counter + n_counters) * sizeof(std::uint32_t),
                                    kFirstCounters * sizeof(std::uint32_t), "counters of kernels");
  return {scratch + scratch_offset, reinterpret_cast<std::uint32_t*>(counters) + first_counter};
}

void CudaContext::allow_shared_memory(void (*function)(KernelCall), std::uint32_t bytes) {
  constexpr std::uint32_t kAlwaysAllowed = 32 * 1024;  // 48 with the kernel's static shared memory
  if (bytes <= kAlwaysAllowed) return;
  MARLIN_CHECK(bytes <= limits_.max_shared_bytes);
  const std::lock_guard lock(mutex_);
  const auto allowed = std::find_if(allowed_.begin(), allowed_.end(),
                                    [&](const AllowedMemory& each) { return each.function == function; });
  if (allowed != allowed_.end() && allowed->bytes >= bytes) return;
  // no more than it wants: what a kernel has in static shared memory counts against the limit, too
  check(cudaFuncSetAttribute(reinterpret_cast<const void*>(function), cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(bytes)),
        "asking for shared memory");
  if (allowed == allowed_.end()) {
    allowed_.push_back({function, bytes});
  } else {
    allowed->bytes = bytes;
  }
}

void CudaContext::run(std::span<const RecordedLaunch> launches, abi::KernelFailure* failure,
                      const ExecutionEvents& events) {
  const cudaStream_t stream = stream_.get();
  check(cudaEventRecord(events.began, stream), "recording an event");
  graphs_.run(launches, stream);  // one thread at a time: under the queue's lock
  if (failure != nullptr) launch(harvest_launch(failure_record(), failure), stream);
  check(cudaEventRecord(events.ended, stream), "recording an event");
}

}  // namespace marlin::cuda
