// SPDX-License-Identifier: Apache-2.0
#include "device/command_buffer.h"

#include <utility>

#include "base/error.h"

namespace marlin {

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
  encode(kernel, arguments, bindings);
}

void CommandBuffer::commit() {
  {
    const std::lock_guard lock(mutex_);
    MARLIN_CHECK(status_ == CommandStatus::kEncoding);
    status_ = CommandStatus::kCommitted;
  }
  submit();
}

void CommandBuffer::on_completed(Handler handler) {
  {
    const std::lock_guard lock(mutex_);
    if (status_ != CommandStatus::kCompleted && status_ != CommandStatus::kFailed) {
      handlers_.push_back(std::move(handler));
      return;
    }
  }
  handler(error_);  // immutable once ended
}

void CommandBuffer::wait() {
  std::unique_lock lock(mutex_);
  MARLIN_CHECK(status_ != CommandStatus::kEncoding);
  ended_.wait(lock, [this] { return status_ != CommandStatus::kCommitted; });
  if (error_) throw Error(*error_);
}

CommandStatus CommandBuffer::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void CommandBuffer::finish(std::optional<Error> error) {
  std::vector<Handler> handlers;
  {
    const std::lock_guard lock(mutex_);
    MARLIN_CHECK(status_ == CommandStatus::kCommitted);
    error_ = std::move(error);
    status_ = error_ ? CommandStatus::kFailed : CommandStatus::kCompleted;
    handlers = std::exchange(handlers_, {});
  }
  for (const Handler& handler : handlers) handler(error_);
  ended_.notify_all();
}

}  // namespace marlin
