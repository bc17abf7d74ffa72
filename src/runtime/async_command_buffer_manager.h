// SPDX-License-Identifier: Apache-2.0
// Owns the life of command buffers, so that the host never waits while it encodes:
//
//   idle --begin()--> encoding --commit()--> committed --(device)--> completed | failed --> idle
//
// At most max_in_flight batches are with the device; commit() never blocks, later ones queue here and are handed over
// as earlier ones complete. Callbacks run once each, in commit order, on a device thread, failure included. After a
// failure every batch committed before recover() fails too without being executed, because it may build on what is
// missing; with nothing left on the device, its callbacks run inside commit(). wait() is the only function that blocks.
// One thread begins, commits and waits; callbacks may be registered from any.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "device/device.h"
#include "runtime/batch.h"
#include "runtime/instruments.h"

namespace marlin {

class AsyncCommandBufferManager {
 public:
  struct Options {
    int max_in_flight = 3;
    /// How long the device may complete nothing while something waits for it.
    std::chrono::milliseconds device_timeout = std::chrono::minutes(5);
  };
  /// `error` is empty on success. Must not throw and must not wait.
  using Callback = std::function<void(BatchId id, const std::optional<Error>& error)>;

  /// `device` and `instruments` must outlive this.
  AsyncCommandBufferManager(Device& device, const Options& options, Instruments& instruments);

  /// Drains.
  ~AsyncCommandBufferManager();
  AsyncCommandBufferManager(const AsyncCommandBufferManager&) = delete;
  AsyncCommandBufferManager& operator=(const AsyncCommandBufferManager&) = delete;

  /// Makes room for n_batches at a time, so that committing as many, however they are timed, creates nothing.
  void reserve(std::size_t n_batches);

  /// Opens a batch and returns what to encode into; there must be none open. `prepared`: when work on it began.
  CommandBuffer& begin(const BatchContents& contents, std::string_view name, Clock::time_point prepared);

  /// The open batch goes to the device, now or as soon as there is room. Never blocks.
  BatchId commit();

  /// Drops the open batch, if any: nothing of it will be executed.
  void discard();

  /// Calls `callback` when `id` has ended; at once if it has. `id` must have been committed.
  void on_completed(BatchId id, Callback callback);

  /// Blocks until `id` has ended. Errors: what made it fail, naming batch and kernel; kDevice when the device hangs.
  void wait(BatchId id, const CallSite& caller = CallSite::current());

  /// commit() and wait() for it: what a host that wants to read results does.
  void commit_and_wait(const CallSite& caller = CallSite::current());

  /// Blocks until everything committed has ended, well or not. Does not throw, whatever the device does.
  void drain();

  /// After a failure: drains, then lets work through again. Errors: kDevice when the device hangs.
  void recover();

  /// Every batch up to this one has ended and its callbacks have run.
  [[nodiscard]] BatchId completed() const { return ended_.value(); }

  /// The batch committed last; 0 before the first.
  [[nodiscard]] BatchId committed() const;

  [[nodiscard]] BatchState state(BatchId id) const;

  [[nodiscard]] Device& device() const { return device_; }

 private:
  struct Slot {
    std::shared_ptr<CommandBuffer> commands;
    BatchId id = 0;
    BatchState state = BatchState::kIdle;
    BatchContents contents;
    BatchTimes times;
    std::optional<Error> error;
    std::vector<Callback> callbacks;
    std::vector<Callback> running;  // being called; swapped with callbacks so that both keep their memory
    Slot* next = nullptr;           // committed after this one
  };
  struct Failure {
    BatchId first = 0;
    Error error;
  };

  Slot* idle_slot(std::string_view name);
  Slot* add_slot();
  void submit(Slot& slot);
  void submit_waiting();
  void end(std::unique_lock<std::mutex>& lock, Slot& slot, const std::optional<Error>& error);
  void end_waiting_as_failed(std::unique_lock<std::mutex>& lock);
  void device_ended(Slot& slot, const std::optional<Error>& error);
  Slot* find(BatchId id) const;
  void block_until(BatchId id, const CallSite& caller);
  [[nodiscard]] std::chrono::nanoseconds busy_until(Clock::time_point now) const;

  Device& device_;
  Options options_;
  Instruments& instruments_;
  Fence ended_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> idle_;  // longest idle first
  Slot* open_ = nullptr;
  Slot* oldest_ = nullptr;         // of the committed ones that have not ended
  Slot* newest_ = nullptr;         //
  Slot* first_waiting_ = nullptr;  // of those, the first that the device has not got
  int n_in_flight_ = 0;
  bool ending_waiting_ = false;  // some thread is in end_waiting_as_failed()
  BatchId last_committed_ = 0;
  std::optional<Failure> failure_;

  // Time during which the device had work: up to busy_since_, and since then while something is in flight.
  std::chrono::nanoseconds busy_{0};
  Clock::time_point busy_since_;
  std::chrono::nanoseconds busy_when_prepared_{0};  // of the open batch
};

}  // namespace marlin
