// SPDX-License-Identifier: Apache-2.0
// `wake` is called with the lock held: after close() returns it is certain not to run, so the connection may die.
#include "serving/http/response_queue.h"

#include <utility>

namespace marlin::http {

ResponseQueue::ResponseQueue(ResponseQueueOptions options) : options_(std::move(options)) {}

bool ResponseQueue::respond(Response response) {
  std::function<void()> released;  // what a callback holds is freed outside the lock
  const std::lock_guard lock(mutex_);
  if (closed_ || state_ != State::kWaiting) return false;
  state_ = State::kFinished;
  released.swap(on_closed_);
  const std::size_t body_bytes = response.body.size();
  bytes_ = std::exchange(response.body, {});
  head_ = Head{std::move(response), false, {}, body_bytes};
  if (options_.head_only) bytes_.clear();
  wake();
  return true;
}

bool ResponseQueue::begin_stream(Response head, std::string filler) {
  std::function<void()> released;
  const std::lock_guard lock(mutex_);
  if (closed_ || state_ != State::kWaiting) return false;
  state_ = options_.head_only ? State::kFinished : State::kStreaming;
  if (options_.head_only) released.swap(on_closed_);
  head_ = Head{std::move(head), true, std::move(filler), 0};
  wake();
  return !options_.head_only;
}

bool ResponseQueue::write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (closed_ || state_ != State::kStreaming) return false;
  if (!holds(bytes.size())) {
    break_off();
    return false;
  }
  if (bytes.empty()) return true;
  bytes_ += bytes;
  wake();
  return true;
}

bool ResponseQueue::end() {
  std::function<void()> released;
  const std::lock_guard lock(mutex_);
  if (closed_ || state_ != State::kStreaming) return false;
  state_ = State::kFinished;
  released.swap(on_closed_);
  wake();
  return true;
}

void ResponseQueue::on_closed(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kFinished) return;
    if (!closed_) {
      on_closed_.swap(callback);
      return;
    }
  }
  callback();
}

void ResponseQueue::abandon() {
  const std::lock_guard lock(mutex_);
  if (closed_ || state_ == State::kFinished || state_ == State::kBroken) return;
  break_off();
}

bool ResponseQueue::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_ || state_ == State::kBroken;
}

std::size_t ResponseQueue::pending_bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_.size() + in_flight_bytes_;
}

ResponseQueue::Batch ResponseQueue::take() {
  const std::lock_guard lock(mutex_);
  awake_ = false;
  Batch batch;
  if (state_ == State::kBroken) {
    batch.broken = true;
    return batch;
  }
  batch.head = std::exchange(head_, std::nullopt);
  batch.bytes = std::exchange(bytes_, {});
  batch.finished = state_ == State::kFinished;
  in_flight_bytes_ += batch.bytes.size();
  return batch;
}

void ResponseQueue::written(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  in_flight_bytes_ -= bytes;
}

bool ResponseQueue::client_left() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || state_ == State::kFinished) return false;
    callback = close_locked();
  }
  if (callback) callback();
  return true;
}

void ResponseQueue::close() {
  if (client_left()) return;
  std::function<void()> released;
  const std::lock_guard lock(mutex_);
  released = close_locked();
}

std::function<void()> ResponseQueue::close_locked() {
  closed_ = true;
  options_.wake = nullptr;
  bytes_ = {};
  return std::exchange(on_closed_, nullptr);
}

bool ResponseQueue::holds(std::size_t more) const {
  const std::size_t pending = bytes_.size() + in_flight_bytes_;
  return more <= options_.max_pending_bytes && pending <= options_.max_pending_bytes - more;
}

// The connection may know that there was something to take and be long at sending it: this it must hear at once.
void ResponseQueue::break_off() {
  state_ = State::kBroken;
  bytes_ = {};
  awake_ = false;
  wake();
}

void ResponseQueue::wake() {
  if (awake_ || !options_.wake) return;
  awake_ = true;
  options_.wake();
}

}  // namespace marlin::http
