// SPDX-License-Identifier: Apache-2.0
// The device thread of the cpu backend: runs committed command buffers one after another, in commit order.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "backends/cpu/cpu_command_buffer.h"
#include "base/memory.h"
#include "base/thread_pool.h"

namespace marlin::cpu {

class CpuQueue {
 public:
  explicit CpuQueue(int n_threads);

  /// Completes everything committed, then stops.
  ~CpuQueue();
  CpuQueue(const CpuQueue&) = delete;
  CpuQueue& operator=(const CpuQueue&) = delete;

  void push(std::shared_ptr<CpuCommandBuffer> commands);
  [[nodiscard]] const CpuKernel* find_kernel(std::string_view name) const;

 private:
  void run();
  void execute(CpuCommandBuffer& commands);

  std::unordered_map<std::string_view, const CpuKernel*> kernels_;
  ThreadPool pool_;
  PageMemory scratch_;  // kScratchBytes for each thread
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<CpuCommandBuffer>> committed_;
  bool stopping_ = false;
  std::thread thread_;  // last: starts when everything else is ready
};

}  // namespace marlin::cpu
