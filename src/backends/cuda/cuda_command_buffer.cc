// SPDX-License-Identifier: Apache-2.0
#include "backends/cuda/cuda_command_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "backends/cuda/cuda_error.h"
#include "base/error.h"
#include "device/kernel_error.h"

namespace marlin::cuda {
namespace {

constexpr std::size_t kScratchAlignment = 256;

std::size_t padded(std::size_t bytes) {
  return (bytes + kScratchAlignment - 1) / kScratchAlignment * kScratchAlignment;
}

}  // namespace

CudaCommandBuffer::CudaCommandBuffer(std::string label, std::shared_ptr<CudaContext> context)
    : CommandBuffer(std::move(label)),
      context_(std::move(context)),
      failure_record_(MemoryPlace::kHost, sizeof(abi::KernelFailure), "failure of a kernel") {
  check(cudaEventCreate(&events_.began), "creating an event");
  check(cudaEventCreate(&events_.ended), "creating an event");
}

CudaCommandBuffer::~CudaCommandBuffer() {
  cudaEventDestroy(events_.began);
  if (events_.ended != nullptr) cudaEventDestroy(events_.ended);
}

void CudaCommandBuffer::encode(std::string_view name, std::span<const std::byte> arguments,
                               std::span<const Binding> bindings, bool barrier) {
  const CudaKernel* const kernel = find_kernel(name);
  if (kernel == nullptr) fail(ErrorCode::kDevice, "the cuda backend has no kernel '{}'", name);
  MARLIN_CHECK(arguments.size() == kernel->argument_bytes && arguments.size() <= kMaxArgumentBytes);
  MARLIN_CHECK(bindings.size() == kernel->n_bindings && bindings.size() <= kMaxBindings);
  barrier_due_ = barrier_due_ || barrier;
  const Launch launch = kernel->launch(arguments.data(), context_->limits());
  if (launch.grid.count() == 0) return;
  MARLIN_CHECK(launch.grid.y <= UINT16_MAX && launch.grid.z <= UINT16_MAX);
  const bool behind_barrier = std::exchange(barrier_due_, false);
  if (behind_barrier) scratch_used_ = counters_used_ = 0;

  RecordedLaunch& recorded = launches_.emplace_back();
  std::copy(arguments.begin(), arguments.end(), recorded.call.arguments_);
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    const std::uint64_t address = bindings[i].view.device_address();
    MARLIN_CHECK((kernel->aligned_bindings >> i) % 2 == 0 || address % kAttentionAlignment == 0);
    recorded.call.bindings_[i] = reinterpret_cast<void*>(address);
  }
  if (kernel->can_fail) {
    recorded.call.failure = context_->failure_record();
    can_fail_ = true;
  }
  if (launch.scratch_bytes > 0 || launch.n_counters > 0) {
    const Borrowed borrowed = context_->borrow(scratch_used_, launch.scratch_bytes, counters_used_, launch.n_counters);
    recorded.call.scratch = borrowed.scratch;
    recorded.call.counters = borrowed.counters;
    scratch_used_ += padded(launch.scratch_bytes);
    counters_used_ += launch.n_counters;
  }
  if (launch.shared_bytes > 0) context_->allow_shared_memory(launch.function, launch.shared_bytes);
  recorded.function = launch.function;
  recorded.grid = launch.grid;
  recorded.n_threads = launch.n_threads;
  recorded.shared_bytes = launch.shared_bytes;
  recorded.barrier = behind_barrier ? 1 : 0;
}

void CudaCommandBuffer::submit() {
  context_->queue().push(std::static_pointer_cast<CudaCommandBuffer>(shared_from_this()));
}

// A commit has no way to fail: what CUDA refuses becomes the command buffer's result.
void CudaCommandBuffer::put_on_stream() {
  put_ = std::chrono::steady_clock::now();
  try {
    context_->run(launches_, can_fail_ ? reinterpret_cast<abi::KernelFailure*>(failure_record_.data()) : nullptr,
                  events_);
  } catch (const Error& error) {
    failure_ = error;
  }
}

// The time of the end is when the host saw it, a few microseconds late; durations are the device's own, as far as they
// fit between the end before and that.
void CudaCommandBuffer::wait_for_stream(std::chrono::steady_clock::time_point last_end) {
  const cudaError_t error = failure_ ? cudaSuccess : cudaEventSynchronize(events_.ended);
  execution_times_.began = execution_times_.ended = std::chrono::steady_clock::now();
  if (failure_) return;
  if (error != cudaSuccess) {
    failure_ = make_error(error, "in " + label());
    return;
  }
  float milliseconds = 0;
  cudaEventElapsedTime(&milliseconds, events_.began, events_.ended);
  const auto duration = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double, std::milli>(milliseconds));
  execution_times_.began = std::max({execution_times_.ended - duration, last_end, put_});
  abi::KernelFailure record{};
  std::memcpy(&record, failure_record_.data(), sizeof(record));
  failure_ = kernel_error(record, label());
}

void CudaCommandBuffer::end(const std::optional<Error>& error) { finish(error, execution_times_); }

void CudaCommandBuffer::clear() {
  launches_.clear();
  barrier_due_ = false;
  scratch_used_ = counters_used_ = 0;
  can_fail_ = false;
  failure_.reset();
  std::memset(failure_record_.data(), 0, sizeof(abi::KernelFailure));
}

}  // namespace marlin::cuda
