// SPDX-License-Identifier: Apache-2.0
// What everything of one cuda device shares: the stream its command buffers run on, memory that launches borrow,
// graphs, and the command buffers in flight. Shared ownership: buffers and command buffers may outlive the device.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "abi/kernel_failure.h"
#include "backends/cuda/cuda_memory.h"
#include "backends/cuda/cuda_queue.h"
#include "backends/cuda/graph_cache.h"
#include "backends/cuda/kernel.h"

namespace marlin::cuda {

/// Where a launch finds its scratch and counters.
struct Borrowed {
  std::byte* scratch;
  std::uint32_t* counters;
};

/// Of the first GPU that CUDA shows. Errors: kDevice when there is none, or its driver is too old; kUnsupported when it
/// is.
GpuLimits find_limits();

class CudaContext {
 public:
  /// Opens the first GPU. Errors: those of find_limits().
  CudaContext();
  ~CudaContext();
  CudaContext(const CudaContext&) = delete;
  CudaContext& operator=(const CudaContext&) = delete;

  [[nodiscard]] const GpuLimits& limits() const { return limits_; }
  /// "NVIDIA H200, 132 multiprocessors".
  [[nodiscard]] const std::string& name() const { return name_; }

  /// Scratch and counters from these offsets on, for so much. Command buffers run one after another, so all may use the
  /// same. Errors: kOutOfMemory.
  Borrowed borrow(std::size_t scratch_offset, std::size_t scratch_bytes, std::size_t first_counter,
                  std::size_t n_counters);

  /// Lets a kernel have so much dynamic shared memory.
  void allow_shared_memory(void (*function)(KernelCall), std::uint32_t bytes);

  /// Puts launches on the stream. `harvest`: behind them the failure record, if any, moves to `failure`.
  void run(std::span<const RecordedLaunch> launches, abi::KernelFailure* failure, const ExecutionEvents& events);

  /// Where kernels leave their failure.
  [[nodiscard]] abi::KernelFailure* failure_record() const {
    return reinterpret_cast<abi::KernelFailure*>(failure_record_.data());
  }

  [[nodiscard]] CudaQueue& queue() { return queue_; }

 private:
  /// Dynamic shared memory of a kernel.
  struct AllowedMemory {
    void (*function)(KernelCall);
    std::uint32_t bytes;
  };

  class Stream {
   public:
    Stream();
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    [[nodiscard]] cudaStream_t get() const { return stream_; }

   private:
    cudaStream_t stream_ = nullptr;
  };

  GpuLimits limits_;
  std::string name_;
  Stream stream_;
  CudaMemory failure_record_;
  std::mutex mutex_;                  // of what follows
  std::vector<CudaMemory> scratch_;   // the last is in use; recorded launches may still name the others
  std::vector<CudaMemory> counters_;  // the same
  std::vector<AllowedMemory> allowed_;
  GraphCache graphs_;
  CudaQueue queue_;
};

}  // namespace marlin::cuda
