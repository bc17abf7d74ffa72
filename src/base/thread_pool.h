// SPDX-License-Identifier: Apache-2.0
// A fixed set of threads that run one function together, for the cpu backend. Between runs the workers spin briefly,
// then sleep, so that back-to-back command buffers start in a microsecond and an idle engine uses no processor.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace marlin {

/// One polite turn of a waiting loop: a pause instruction at first, later giving up the time slice.
class SpinWait {
 public:
  void once();
  [[nodiscard]] bool exhausted() const { return turns_ >= kSpinTurns; }

 private:
  static constexpr int kSpinTurns = 4000;
  int turns_ = 0;
};

class ThreadPool {
 public:
  /// `n_threads` >= 1 counts the caller of run(); n_threads - 1 workers are started.
  explicit ThreadPool(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(thread_index) once on every thread, the caller's included (index 0); returns when all have returned.
  /// `body` must not throw. One run at a time.
  template <typename Body>
  void run(Body&& body) {
    run_erased([](void* context, int thread) { (*static_cast<std::remove_reference_t<Body>*>(context))(thread); },
               &body);
  }

 private:
  using Function = void (*)(void* context, int thread);
  void run_erased(Function function, void* context);
  void work(int thread);

  std::vector<std::thread> workers_;
  Function function_ = nullptr;
  void* context_ = nullptr;
  std::atomic<std::uint32_t> generation_{0};  // a run begins by raising it
  std::atomic<std::uint32_t> unfinished_{0};  // workers still inside the current run
  std::atomic<bool> stopping_{false};
};

/// Processors this process may use.
int usable_processors();

}  // namespace marlin
