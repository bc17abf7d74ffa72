// SPDX-License-Identifier: Apache-2.0
#include "backends/cuda/cuda_queue.h"

#include <chrono>
#include <utility>

#include "backends/cuda/cuda_command_buffer.h"
#include "base/check.h"

namespace marlin::cuda {

CudaQueue::CudaQueue() : thread_([this] { end_commands(); }) {}

CudaQueue::~CudaQueue() { close(); }

void CudaQueue::close() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  pushed_.notify_one();
  thread_.join();
}

void CudaQueue::push(std::shared_ptr<CudaCommandBuffer> commands) {
  {
    const std::lock_guard lock(mutex_);  // held while it is put on the stream, so that both orders are one
    MARLIN_CHECK(!closed_);
    CudaCommandBuffer& last = *commands;
    (first_ == nullptr ? first_ : last_->next_committed) = std::move(commands);
    last_ = &last;
    ++n_pushed_;
    last.put_on_stream();
  }
  pushed_.notify_one();
}

void CudaQueue::end_commands() {
  std::chrono::steady_clock::time_point last_end{};
  std::unique_lock lock(mutex_);
  while (true) {
    pushed_.wait(lock, [this] { return first_ != nullptr || closing_; });
    if (first_ == nullptr) {
      closed_ = true;
      return;
    }
    const std::shared_ptr<CudaCommandBuffer> commands = first_;
    lock.unlock();
    commands->wait_for_stream(last_end);
    last_end = commands->execution_times().ended;
    lock.lock();
    first_ = std::move(commands->next_committed);
    const std::optional<Error> result = result_of(*commands);
    lock.unlock();
    commands->end(result);
    lock.lock();
  }
}

std::optional<Error> CudaQueue::result_of(CudaCommandBuffer& commands) {
  const std::uint64_t number = ++n_ended_;
  if (number > failure_reaches_) failure_.reset();
  if (!failure_ && commands.failure()) {
    failure_ = commands.failure();
    failure_reaches_ = n_pushed_;
  }
  return failure_;
}

}  // namespace marlin::cuda
