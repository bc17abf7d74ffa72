// SPDX-License-Identifier: Apache-2.0
// The device thread of the cpu backend: runs committed command buffers one after another, in commit order.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "backends/cpu/cpu_command_buffer.h"
#include "backends/cpu/simulation.h"
#include "base/memory.h"
#include "base/thread_pool.h"

namespace marlin::cpu {

class CpuQueue {
 public:
  CpuQueue(int n_threads, Simulation simulation);

  /// Completes everything committed, then stops.
  ~CpuQueue();
  CpuQueue(const CpuQueue&) = delete;
  CpuQueue& operator=(const CpuQueue&) = delete;

  void push(std::shared_ptr<CpuCommandBuffer> commands);
  [[nodiscard]] const CpuKernel* find_kernel(std::string_view name) const;

 private:
  /// Committed command buffers in order, linked through themselves: nothing is allocated.
  class Backlog {
   public:
    [[nodiscard]] bool empty() const { return first_ == nullptr; }
    void push(std::shared_ptr<CpuCommandBuffer> commands);
    std::shared_ptr<CpuCommandBuffer> pop();

   private:
    std::shared_ptr<CpuCommandBuffer> first_;
    CpuCommandBuffer* last_ = nullptr;
  };

  void run();
  ExecutionTimes execute(CpuCommandBuffer& commands);

  std::unordered_map<std::string_view, const CpuKernel*> kernels_;
  ThreadPool pool_;
  PageMemory scratch_;  // kScratchBytes for each thread
  Simulation simulation_;
  std::uint64_t n_taken_ = 0;  // command buffers, executed or not; device thread only
  std::mutex mutex_;
  std::condition_variable changed_;
  Backlog backlog_;
  bool stopping_ = false;
  std::thread thread_;  // last: starts when everything else is ready
};

}  // namespace marlin::cpu
