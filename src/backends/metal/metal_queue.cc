// SPDX-License-Identifier: Apache-2.0
#include "backends/metal/metal_queue.h"

#include <utility>

#include "backends/metal/metal_command_buffer.h"

namespace marlin::metal {

void MetalQueue::push(std::shared_ptr<MetalCommandBuffer> commands) {
  const std::lock_guard lock(mutex_);  // held over the commit, so that both orders are one
  MetalCommandBuffer& last = *commands;
  (first_ == nullptr ? first_ : last_->next_committed) = std::move(commands);
  last_ = &last;
  ++n_pushed_;
  last.commit_to_metal();
}

void MetalQueue::executed(MetalCommandBuffer& commands) {
  std::unique_lock lock(mutex_);
  commands.executed = true;
  if (!ending_) end_executed(lock);  // else the thread that is there goes on to this one
}

void MetalQueue::end_executed(std::unique_lock<std::mutex>& lock) {
  ending_ = true;
  while (first_ != nullptr && first_->executed) {
    const std::shared_ptr<MetalCommandBuffer> commands = std::move(first_);
    first_ = std::move(commands->next_committed);
    const std::uint64_t number = ++n_ended_;
    if (failure_ && number > failure_->last) failure_.reset();
    if (!failure_ && commands->failure()) failure_ = {*commands->failure(), n_pushed_};
    const std::optional<Error> error = failure_ ? std::optional<Error>(failure_->error) : std::nullopt;
    lock.unlock();
    commands->end(error);
    lock.lock();
  }
  ending_ = false;
  ended_.signal(n_ended_);  // under the lock: whoever sees it finds nobody in here
}

void MetalQueue::drain() {
  std::unique_lock lock(mutex_);
  while (n_ended_ < n_pushed_ || ending_) {
    const std::uint64_t pushed = n_pushed_;
    lock.unlock();
    while (!ended_.wait(pushed)) {  // no timeout: returns true
    }
    lock.lock();
  }
}

}  // namespace marlin::metal
