// SPDX-License-Identifier: Apache-2.0
// A list of dispatches that a device executes asynchronously, and the one place where its life cycle is written:
//
//   encoding --commit()--> committed --(device)--> completed | failed
//       ^                                                 |
//       +---------------------reset()---------------------+
//
// Recording happens on one thread. commit() never blocks. Handlers run once, on a device thread, in commit order, also
// on failure; one registered after the end runs at once on the registering thread. reset() makes an ended one new again
// without giving its memory back, so that steady work allocates nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/barrier_planner.h"
#include "device/encoder.h"
#include "device/fence.h"
#include "device/hazard_checker.h"
#include "metal_marlin/error.h"

namespace marlin {

enum class CommandStatus { kEncoding, kCommitted, kCompleted, kFailed };

/// When the device began and ended a command buffer.
struct ExecutionTimes {
  std::chrono::steady_clock::time_point began;
  std::chrono::steady_clock::time_point ended;
};

class CommandBuffer : public Encoder, public std::enable_shared_from_this<CommandBuffer> {
 public:
  /// `error` is empty on success. Must not throw and must not wait on this device.
  using Handler = std::function<void(const std::optional<Error>& error)>;

  ~CommandBuffer() override;

  void record(std::string_view kernel, std::span<const std::byte> arguments,
              std::span<const Binding> bindings) override;

  /// Announces that this will be committed, by whoever holds it back: from now on the host must keep away from what it
  /// touches. Implied by commit().
  void enqueue();

  /// Hands the recorded work to the device. Once only; nothing can be recorded afterwards.
  void commit();

  void on_completed(Handler handler);

  /// Blocks until the work has completed and its handlers have run; throws its Error if it failed.
  void wait();

  /// Empty again and encoding, under another name: after its end, or instead of a commit.
  void reset(std::string_view label);

  [[nodiscard]] CommandStatus status() const;
  [[nodiscard]] const std::string& label() const { return label_; }

  /// Dispatches recorded.
  [[nodiscard]] std::size_t n_dispatches() const { return n_dispatches_; }

  /// Bytes of the operands bound to them; of an operand bound twice, twice.
  [[nodiscard]] std::uint64_t bytes_bound() const { return bytes_bound_; }

  /// Valid once completed or failed.
  [[nodiscard]] const ExecutionTimes& times() const { return times_; }

 protected:
  explicit CommandBuffer(std::string label) : label_(std::move(label)) {}

  /// Backend hooks: encode() translates one checked dispatch, which must not start before all earlier ones have ended
  /// if `barrier`; submit() queues the whole, keeping a reference until finish(); clear() forgets what was encoded.
  virtual void encode(std::string_view kernel, std::span<const std::byte> arguments, std::span<const Binding> bindings,
                      bool barrier) = 0;
  virtual void submit() = 0;
  virtual void clear() = 0;

  /// Called by the backend once per commit, on a device thread, in commit order: publishes the result and runs the
  /// handlers.
  void finish(const std::optional<Error>& result, const ExecutionTimes& times);

 private:
  friend class Device;  // sets hazard_checker_

  void begin_checking();

  std::string label_;
  std::size_t n_dispatches_ = 0;
  std::uint64_t bytes_bound_ = 0;
  BarrierPlanner barriers_;
  bool barrier_due_ = false;                       // of a dispatch that was refused, for the next one
  std::shared_ptr<HazardChecker> hazard_checker_;  // shared: a command buffer may outlive its device
  std::uint64_t number_ = 0;                       // names this use to the checker

  mutable std::mutex mutex_;
  Fence ended_;            // rises to use_ when the current use has ended
  std::uint64_t use_ = 1;  // counts resets
  CommandStatus status_ = CommandStatus::kEncoding;
  std::optional<Error> error_;
  ExecutionTimes times_;
  std::vector<Handler> handlers_;
  std::vector<Handler> running_;  // device thread only; swapped with handlers_ so that both keep their memory
};

}  // namespace marlin
