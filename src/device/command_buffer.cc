// SPDX-License-Identifier: Apache-2.0
#include "device/command_buffer.h"

#include <atomic>
#include <utility>

#include "base/error.h"

namespace marlin {
namespace {

/// Names uses of command buffers to hazard checkers, of all devices.
std::uint64_t next_number() {
  static std::atomic<std::uint64_t> number{0};
  return number.fetch_add(1, std::memory_order_relaxed) + 1;
}

bool has_ended(CommandStatus status) { return status == CommandStatus::kCompleted || status == CommandStatus::kFailed; }

}  // namespace

CommandBuffer::~CommandBuffer() {
  if (hazard_checker_) hazard_checker_->ended(number_);
}

void CommandBuffer::begin_checking() {
  if (hazard_checker_) number_ = next_number();
}

void CommandBuffer::record(std::string_view kernel, std::span<const std::byte> arguments,
                           std::span<const Binding> bindings) {
  MARLIN_CHECK(status() == CommandStatus::kEncoding);
  for (const Binding& binding : bindings) {
    const BufferView& view = binding.view;
    MARLIN_CHECK(view.buffer != nullptr);
    const std::size_t size = view.buffer->size_bytes();
    if (view.offset > size || view.bytes > size - view.offset) {
      fail(ErrorCode::kInternal, "{} in {}: bytes {}+{} lie outside buffer '{}' of {} bytes", kernel, label_,
           view.offset, view.bytes, view.buffer->label(), size);
    }
  }
  barrier_due_ = barriers_.next(bindings) || barrier_due_;
  if (hazard_checker_) hazard_checker_->dispatch(number_, kernel, bindings, barrier_due_);
  encode(kernel, arguments, bindings, barrier_due_);
  barrier_due_ = false;
  ++n_dispatches_;
  for (const Binding& binding : bindings) bytes_bound_ += binding.view.bytes;
}

void CommandBuffer::enqueue() {
  if (hazard_checker_) hazard_checker_->committed(number_, label_);
}

void CommandBuffer::commit() {
  {
    const std::lock_guard lock(mutex_);
    MARLIN_CHECK(status_ == CommandStatus::kEncoding);
    status_ = CommandStatus::kCommitted;
  }
  enqueue();
  submit();
}

void CommandBuffer::on_completed(Handler handler) {
  std::optional<Error> error;
  {
    const std::lock_guard lock(mutex_);
    if (!has_ended(status_)) {
      handlers_.push_back(std::move(handler));
      return;
    }
    error = error_;
  }
  handler(error);
}

void CommandBuffer::wait() {
  std::unique_lock lock(mutex_);
  MARLIN_CHECK(status_ != CommandStatus::kEncoding);
  const std::uint64_t use = use_;
  lock.unlock();
  while (!ended_.wait(use)) {  // no timeout: returns true
  }
  lock.lock();
  if (use == use_ && error_) throw Error(*error_);
}

void CommandBuffer::reset(std::string_view label) {
  const std::lock_guard lock(mutex_);
  MARLIN_CHECK(status_ != CommandStatus::kCommitted);
  if (hazard_checker_) hazard_checker_->ended(number_);
  clear();
  label_ = label;
  n_dispatches_ = 0;
  bytes_bound_ = 0;
  barriers_.clear();
  barrier_due_ = false;
  handlers_.clear();
  begin_checking();
  ++use_;
  status_ = CommandStatus::kEncoding;
  error_.reset();
}

CommandStatus CommandBuffer::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

// A handler may already reset and commit this anew, so nothing that reset() changes is touched after the first handler;
// `result` may be the backend's own and is copied for the others.
void CommandBuffer::finish(const std::optional<Error>& result, const ExecutionTimes& times) {
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): see above
  const std::optional<Error> error = result;
  if (hazard_checker_) hazard_checker_->ended(number_);
  std::uint64_t use = 0;
  {
    const std::lock_guard lock(mutex_);
    MARLIN_CHECK(status_ == CommandStatus::kCommitted);
    error_ = error;
    times_ = times;
    status_ = error ? CommandStatus::kFailed : CommandStatus::kCompleted;
    use = use_;
    running_.swap(handlers_);
  }
  for (const Handler& handler : running_) handler(error);
  running_.clear();
  ended_.signal(use);
}

}  // namespace marlin
