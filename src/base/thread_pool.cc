// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#ifdef __linux__
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>

#include "base/error.h"

namespace marlin {

void SpinWait::once() {
  if (turns_ < kSpinTurns) {
    ++turns_;
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  } else {
    std::this_thread::yield();
  }
}

ThreadPool::ThreadPool(int n_threads) {
  MARLIN_CHECK(n_threads >= 1);
  workers_.reserve(static_cast<std::size_t>(n_threads - 1));
  for (int thread = 1; thread < n_threads; ++thread) {
    workers_.emplace_back([this, thread] { work(thread); });
  }
}

ThreadPool::~ThreadPool() {
  stopping_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_erased(Function function, void* context) {
  function_ = function;
  context_ = context;
  unfinished_.store(static_cast<std::uint32_t>(workers_.size()), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  function(context, 0);
  SpinWait spin;
  while (unfinished_.load(std::memory_order_acquire) != 0) spin.once();
}

void ThreadPool::work(int thread) {
  std::uint32_t seen = 0;
  while (true) {
    SpinWait spin;
    while (generation_.load(std::memory_order_acquire) == seen && !spin.exhausted()) spin.once();
    generation_.wait(seen, std::memory_order_acquire);
    ++seen;
    if (stopping_.load(std::memory_order_relaxed)) return;
    function_(context_, thread);
    unfinished_.fetch_sub(1, std::memory_order_release);
  }
}

int usable_processors() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace marlin
