// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/cpu_queue.h"

#include <utility>

#include "base/error.h"

namespace marlin::cpu {

using Clock = std::chrono::steady_clock;

void CpuQueue::Backlog::push(std::shared_ptr<CpuCommandBuffer> commands) {
  CpuCommandBuffer* const last = commands.get();
  (first_ == nullptr ? first_ : last_->next_committed) = std::move(commands);
  last_ = last;
}

std::shared_ptr<CpuCommandBuffer> CpuQueue::Backlog::pop() {
  std::shared_ptr<CpuCommandBuffer> commands = std::move(first_);
  first_ = std::move(commands->next_committed);
  return commands;
}

CpuQueue::CpuQueue(int n_threads, Simulation simulation)
    : pool_(n_threads),
      scratch_(static_cast<std::size_t>(n_threads) * kScratchBytes),
      simulation_(std::move(simulation)) {
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
    backlog_.push(std::move(commands));
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
    changed_.wait(lock, [this] { return stopping_ || !backlog_.empty(); });
    if (backlog_.empty()) return;
    const std::shared_ptr<CpuCommandBuffer> commands = backlog_.pop();
    lock.unlock();
    const ExecutionTimes times = execute(*commands);
    const std::optional<Error> failure = commands->failure();
    Backlog dependents;
    if (failure) {
      lock.lock();
      dependents = std::exchange(backlog_, {});
      lock.unlock();
    }
    commands->complete(std::nullopt, times);
    for (; !dependents.empty(); ++n_taken_) dependents.pop()->complete(failure, {times.ended, times.ended});
    lock.lock();
  }
}

ExecutionTimes CpuQueue::execute(CpuCommandBuffer& commands) {
  const auto began = Clock::now();
  const std::uint64_t n = n_taken_++;
  const SimulatedFault fault = simulation_.fault ? simulation_.fault(n, commands.label()) : SimulatedFault::kNone;
  if (fault == SimulatedFault::kHang) simulation_.gate->pass();
  if (fault == SimulatedFault::kFail) {
    commands.fail_with(fmt::format("simulated failure in {}", commands.label()));
  } else {
    commands.prepare();
    if (commands.is_parallel()) {
      pool_.run(
          [&](int thread) { commands.execute(scratch_.data() + static_cast<std::size_t>(thread) * kScratchBytes); });
    } else {  // not worth waking anybody for
      commands.execute(scratch_.data());
    }
  }
  auto least = simulation_.per_command_buffer + simulation_.per_dispatch * commands.n_dispatches();
  if (fault == SimulatedFault::kLate) least += simulation_.late_by;
  if (least.count() > 0) std::this_thread::sleep_until(began + least);
  return {began, Clock::now()};
}

}  // namespace marlin::cpu
