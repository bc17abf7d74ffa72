// SPDX-License-Identifier: Apache-2.0
// Streams: a thread of the operating system each, which carries out its queue in order.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "softcuda/host_types.h"

namespace softcuda {

/// Something that happens once.
class Completion {
 public:
  void complete();
  void wait();
  [[nodiscard]] bool is_done();
  /// When it happened; only if it has.
  [[nodiscard]] std::chrono::steady_clock::time_point time();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_done_ = false;
  std::chrono::steady_clock::time_point time_;
};

}  // namespace softcuda

struct CUstream_st {
 public:
  CUstream_st();
  ~CUstream_st();  // when all work is done
  CUstream_st(const CUstream_st&) = delete;
  CUstream_st& operator=(const CUstream_st&) = delete;

  /// Does it when all before it is done; not if the device has failed by then.
  void enqueue(std::function<void()> work);
  /// Completes when all before is done, whether or not the device has failed.
  std::shared_ptr<softcuda::Completion> mark();
  void wait() { mark()->wait(); }
  [[nodiscard]] bool is_idle();

 private:
  struct Queue;
  std::shared_ptr<Queue> queue_;  // the thread's too
};

namespace softcuda {

/// Null: no such stream. The null stream begins with its first use.
std::shared_ptr<CUstream_st> find_stream(cudaStream_t handle);
/// Waits for all work of all streams.
void wait_for_all_streams();

}  // namespace softcuda
