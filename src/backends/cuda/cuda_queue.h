// SPDX-License-Identifier: Apache-2.0
// Command buffers in flight, in commit order, and the thread that ends them: it waits for the event behind each, so
// that nothing of CUDA's calls back and the stream never waits for the host. A failure reaches those committed behind
// it.
#pragma once

#include <cuda_runtime.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "metal_marlin/error.h"

namespace marlin::cuda {

class CudaCommandBuffer;

/// In front of and behind the work of a command buffer.
struct ExecutionEvents {
  cudaEvent_t began = nullptr;
  cudaEvent_t ended = nullptr;
};

class CudaQueue {
 public:
  CudaQueue();
  ~CudaQueue();
  CudaQueue(const CudaQueue&) = delete;
  CudaQueue& operator=(const CudaQueue&) = delete;

  /// Puts its work on the stream and keeps it until it has ended. Not once the queue is closed.
  void push(std::shared_ptr<CudaCommandBuffer> commands);

  /// Returns when everything pushed has ended, handlers too. Not from a handler.
  void close();

 private:
  void end_commands();
  std::optional<Error> result_of(CudaCommandBuffer& commands);

  std::mutex mutex_;
  std::condition_variable pushed_;
  std::shared_ptr<CudaCommandBuffer> first_;  // linked through themselves: nothing is allocated
  CudaCommandBuffer* last_ = nullptr;
  std::uint64_t n_pushed_ = 0;
  std::uint64_t n_ended_ = 0;
  std::uint64_t failure_reaches_ = 0;  // number of the last command buffer that failure_ reaches
  std::optional<Error> failure_;
  bool closing_ = false;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace marlin::cuda
