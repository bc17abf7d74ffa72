// SPDX-License-Identifier: Apache-2.0
#include "runtime/async_command_buffer_manager.h"

#include <utility>

#include "base/error.h"

namespace marlin {

AsyncCommandBufferManager::AsyncCommandBufferManager(Device& device, const Options& options, Instruments& instruments)
    : device_(device), options_(options), instruments_(instruments) {
  if (options.max_in_flight < 1) {
    fail(ErrorCode::kInvalidArgument, "at least 1 command buffer must be in flight, got {}", options.max_in_flight);
  }
}

AsyncCommandBufferManager::~AsyncCommandBufferManager() {
  discard();
  drain();
}

void AsyncCommandBufferManager::drain() {
  while (!ended_.wait(committed())) {  // no timeout: returns true
  }
  const std::lock_guard lock(mutex_);  // the device thread has left end()
}

CommandBuffer& AsyncCommandBufferManager::begin(const BatchContents& contents, std::string_view name,
                                                Clock::time_point prepared) {
  MARLIN_CHECK(open_ == nullptr);
  Slot* const slot = idle_slot(name);
  const std::lock_guard lock(mutex_);
  slot->id = last_committed_ + 1;
  slot->state = BatchState::kEncoding;
  slot->contents = contents;
  slot->times = {};
  slot->times.prepared = prepared;
  slot->times.encoded = Clock::now();
  slot->error.reset();
  busy_when_prepared_ = busy_until(prepared);
  open_ = slot;
  instruments_.batch_started(slot->id);
  return *slot->commands;
}

void AsyncCommandBufferManager::reserve(std::size_t n_batches) {
  while (slots_.size() < n_batches) {
    Slot* const slot = add_slot();
    const std::lock_guard lock(mutex_);
    idle_.push_back(slot);
  }
}

// Taken in turn: passes of equally many batches then find each slot grown to what the same part of a pass needs.
AsyncCommandBufferManager::Slot* AsyncCommandBufferManager::idle_slot(std::string_view name) {
  Slot* slot = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      slot = idle_.front();
      idle_.erase(idle_.begin());
    }
  }
  if (slot == nullptr) slot = add_slot();
  slot->commands->reset(name);
  return slot;
}

AsyncCommandBufferManager::Slot* AsyncCommandBufferManager::add_slot() {
  auto slot = std::make_unique<Slot>();
  slot->commands = device_.create_command_buffer("idle");
  const std::lock_guard lock(mutex_);
  slots_.push_back(std::move(slot));
  idle_.reserve(slots_.size());  // giving back must not allocate
  return slots_.back().get();
}

BatchId AsyncCommandBufferManager::commit() {
  std::unique_lock lock(mutex_);
  MARLIN_CHECK(open_ != nullptr);
  Slot& slot = *std::exchange(open_, nullptr);
  slot.state = BatchState::kCommitted;
  slot.times.committed = Clock::now();
  slot.next = nullptr;
  (oldest_ == nullptr ? oldest_ : newest_->next) = &slot;
  newest_ = &slot;
  last_committed_ = slot.id;
  slot.commands->enqueue();
  const BatchId id = slot.id;
  instruments_.batch_committed(id, slot.commands->label(),
                               {slot.commands->n_dispatches(), slot.commands->bytes_bound()}, slot.times,
                               busy_until(slot.times.committed) - busy_when_prepared_);
  if (first_waiting_ == nullptr) first_waiting_ = &slot;
  if (!failure_) {
    submit_waiting();
  } else if (n_in_flight_ == 0 && !ending_waiting_) {
    end_waiting_as_failed(lock);
  }
  return id;
}

void AsyncCommandBufferManager::discard() {
  const std::lock_guard lock(mutex_);
  if (open_ == nullptr) return;
  open_->state = BatchState::kIdle;
  idle_.push_back(std::exchange(open_, nullptr));
}

void AsyncCommandBufferManager::submit_waiting() {
  while (first_waiting_ != nullptr && n_in_flight_ < options_.max_in_flight) {
    Slot& slot = *first_waiting_;
    first_waiting_ = slot.next;
    submit(slot);
  }
}

void AsyncCommandBufferManager::submit(Slot& slot) {
  slot.times.submitted = Clock::now();
  if (n_in_flight_++ == 0) busy_since_ = slot.times.submitted;
  slot.commands->on_completed([this, &slot](const std::optional<Error>& error) { device_ended(slot, error); });
  slot.commands->commit();
}

void AsyncCommandBufferManager::device_ended(Slot& slot, const std::optional<Error>& error) {
  std::unique_lock lock(mutex_);
  slot.times.began = slot.commands->times().began;
  slot.times.ended = slot.commands->times().ended;
  if (error && !failure_) {
    failure_ = Failure{slot.id, Error(error->code(), fmt::format("batch {} ({}) failed: {}", slot.id,
                                                                 slot.commands->label(), error->what()))};
  }
  end(lock, slot, failure_ ? std::optional(failure_->error) : std::nullopt);
}

// Runs the callbacks, then lets the next ones in. The last thing done is the signal: whoever waits for it may destroy
// this.
void AsyncCommandBufferManager::end(std::unique_lock<std::mutex>& lock, Slot& slot, const std::optional<Error>& error) {
  const bool was_in_flight = slot.times.submitted != Clock::time_point();
  slot.times.completed = Clock::now();
  slot.state = error ? BatchState::kFailed : BatchState::kCompleted;
  slot.error = error;
  slot.running.swap(slot.callbacks);
  const BatchId id = slot.id;
  lock.unlock();
  instruments_.batch_completed(id, slot.commands->label(), slot.contents, slot.times, error.has_value());
  for (const Callback& callback : slot.running) callback(id, error);
  lock.lock();
  slot.running.clear();
  if (!was_in_flight) slot.commands->reset("");  // the device will never end it
  oldest_ = slot.next;
  if (oldest_ == nullptr) newest_ = nullptr;
  idle_.push_back(&slot);
  if (was_in_flight && --n_in_flight_ == 0) busy_ += slot.times.completed - busy_since_;
  if (!failure_) {
    submit_waiting();
  } else if (was_in_flight && n_in_flight_ == 0 && first_waiting_ != nullptr) {
    end_waiting_as_failed(lock);
    return;  // which signalled a later batch
  }
  ended_.signal(id);
}

// While callbacks run here, other threads may commit: they leave it to this loop to end theirs, in order.
void AsyncCommandBufferManager::end_waiting_as_failed(std::unique_lock<std::mutex>& lock) {
  ending_waiting_ = true;
  while (first_waiting_ != nullptr) {
    Slot& slot = *first_waiting_;
    first_waiting_ = slot.next;
    slot.times.began = slot.times.ended = Clock::now();
    end(lock, slot, failure_->error);
  }
  ending_waiting_ = false;
}

void AsyncCommandBufferManager::on_completed(BatchId id, Callback callback) {
  std::optional<Error> error;
  {
    const std::lock_guard lock(mutex_);
    MARLIN_CHECK(id > 0 && id <= last_committed_);
    Slot* const slot = find(id);
    if (slot != nullptr && slot->state == BatchState::kCommitted) {
      slot->callbacks.push_back(std::move(callback));
      return;
    }
    if (slot != nullptr) {
      error = slot->error;
    } else if (failure_ && id >= failure_->first) {
      error = failure_->error;
    }
  }
  callback(id, error);
}

void AsyncCommandBufferManager::wait(BatchId id, const CallSite& caller) {
  block_until(id, caller);
  const std::lock_guard lock(mutex_);
  if (failure_ && id >= failure_->first) throw Error(failure_->error);
}

void AsyncCommandBufferManager::block_until(BatchId id, const CallSite& caller) {
  MARLIN_CHECK(id <= committed());
  const auto began = Clock::now();
  while (true) {
    const BatchId before = ended_.value();
    if (ended_.wait(id, options_.device_timeout)) break;
    if (ended_.value() == before) {
      fail(ErrorCode::kDevice, "the device has completed nothing for {:.1f} s; batch {} has not ended",
           std::chrono::duration<double>(options_.device_timeout).count(), before + 1);
    }
  }
  instruments_.waited(Clock::now() - began, caller);
}

void AsyncCommandBufferManager::commit_and_wait(const CallSite& caller) { wait(commit(), caller); }

void AsyncCommandBufferManager::recover() {
  block_until(committed(), CallSite::current());
  const std::lock_guard lock(mutex_);
  failure_.reset();
}

BatchId AsyncCommandBufferManager::committed() const {
  const std::lock_guard lock(mutex_);
  return last_committed_;
}

BatchState AsyncCommandBufferManager::state(BatchId id) const {
  const std::lock_guard lock(mutex_);
  if (open_ != nullptr && open_->id == id) return BatchState::kEncoding;
  if (id == 0 || id > last_committed_) return BatchState::kIdle;
  if (const Slot* const slot = find(id)) return slot->state;
  return failure_ && id >= failure_->first ? BatchState::kFailed : BatchState::kCompleted;
}

AsyncCommandBufferManager::Slot* AsyncCommandBufferManager::find(BatchId id) const {
  Slot* slot = oldest_;
  while (slot != nullptr && slot->id != id) slot = slot->next;
  return slot;
}

std::chrono::nanoseconds AsyncCommandBufferManager::busy_until(Clock::time_point now) const {
  return n_in_flight_ > 0 && now > busy_since_ ? busy_ + (now - busy_since_) : busy_;
}

}  // namespace marlin
