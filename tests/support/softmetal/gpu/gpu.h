// SPDX-License-Identifier: Apache-2.0
// The one GPU of the process. A thread takes committed command buffers from their queues, each queue in order, and
// carries them out; another, the driver's, calls handlers and lets go of what is done. Neither has an autorelease pool.
// Surprise: one mutex guards all states, and changed() is notified for every change of one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <vector>

#include "runtime/object.h"

namespace softmetal {

class CommandBuffer;
class CommandQueue;

class Gpu {
 public:
  static Gpu& instance();

  [[nodiscard]] std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }
  [[nodiscard]] std::condition_variable& changed() { return changed_; }

  void add(CommandQueue* queue);
  void remove(CommandQueue* queue);

  // With the mutex held.
  void enqueue(CommandBuffer& commands);
  void commit(CommandBuffer& commands);
  /// Something that a command buffer may wait for has happened.
  void wake();
  void run_on_driver(std::function<void()> job);

  /// Those whose number is at most `last`.
  void resume_hung(std::uint64_t last);
  bool settle(unsigned long timeout_ms);
  [[nodiscard]] bool on_driver_thread() const;

 private:
  Gpu() = default;

  using Lock = std::unique_lock<std::mutex>;
  void start();
  void run_gpu();
  void run_driver();
  CommandBuffer* choose(std::chrono::steady_clock::time_point& wake_at);
  // If only time is missing, these lower `wake_at` to when it has passed.
  bool can_run(const CommandBuffer& commands, std::chrono::steady_clock::time_point& wake_at) const;
  bool can_end(const CommandBuffer& commands, std::chrono::steady_clock::time_point& wake_at) const;
  void advance(CommandBuffer& commands, Lock& lock);
  void begin(CommandBuffer& commands);
  void end(CommandBuffer& commands);
  void complete(CommandBuffer& commands, bool handlers_first);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool started_ = false;
  bool idle_ = true;          // nothing can run
  bool driver_busy_ = false;  // in a job
  std::vector<CommandQueue*> queues_;
  std::size_t turn_ = 0;
  std::deque<std::function<void()>> jobs_;
  std::mt19937_64 random_{1};
};

}  // namespace softmetal
