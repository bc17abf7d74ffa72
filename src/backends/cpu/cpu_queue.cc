// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/cpu_queue.h"

#include <algorithm>
#include <utility>

namespace marlin::cpu {

CpuQueue::CpuQueue(int n_threads) : pool_(n_threads), scratch_(static_cast<std::size_t>(n_threads) * kScratchBytes) {
  for (const CpuKernel& kernel : kernel_table()) kernels_.emplace(kernel.name, &kernel);
  thread_ = std::thread([this] { run(); });
}

CpuQueue::~CpuQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void CpuQueue::push(std::shared_ptr<CpuCommandBuffer> commands) {
  {
    const std::lock_guard lock(mutex_);
    committed_.push_back(std::move(commands));
  }
  changed_.notify_one();
}

const CpuKernel* CpuQueue::find_kernel(std::string_view name) const {
  const auto found = kernels_.find(name);
  return found == kernels_.end() ? nullptr : found->second;
}

void CpuQueue::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !committed_.empty(); });
    if (committed_.empty()) return;
    const std::shared_ptr<CpuCommandBuffer> commands = std::move(committed_.front());
    committed_.pop_front();
    lock.unlock();
    execute(*commands);
    const std::optional<Error> failure = commands->failure();
    std::deque<std::shared_ptr<CpuCommandBuffer>> dependents;
    if (failure) {
      lock.lock();
      dependents = std::exchange(committed_, {});
      lock.unlock();
    }
    commands->complete(std::nullopt);
    for (const auto& dependent : dependents) dependent->complete(failure);
    lock.lock();
  }
}

void CpuQueue::execute(CpuCommandBuffer& commands) {
  commands.prepare();
  pool_.run([&](int thread) { commands.execute(scratch_.data() + static_cast<std::size_t>(thread) * kScratchBytes); });
}

}  // namespace marlin::cpu
