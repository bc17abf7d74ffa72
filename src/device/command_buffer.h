// SPDX-License-Identifier: Apache-2.0
// A list of dispatches that a device executes asynchronously, and the one place where its life cycle is written:
//
//   encoding --commit()--> committed --(device)--> completed | failed
//
// Recording happens on one thread. commit() never blocks. Handlers run once, on a device thread, in commit order, also
// on failure; one registered after the end runs at once on the registering thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "device/buffer.h"
#include "metal_marlin/error.h"

namespace marlin {

enum class CommandStatus { kEncoding, kCommitted, kCompleted, kFailed };

class CommandBuffer : public std::enable_shared_from_this<CommandBuffer> {
 public:
  /// `error` is empty on success. Must not throw and must not wait on this device.
  using Handler = std::function<void(const std::optional<Error>& error)>;

  virtual ~CommandBuffer() = default;
  CommandBuffer(const CommandBuffer&) = delete;
  CommandBuffer& operator=(const CommandBuffer&) = delete;

  /// Records one kernel launch. `arguments` is the kernel's struct of src/abi (copied here), `bindings` its operands in
  /// the order that header names. A later dispatch sees what earlier ones of the same device wrote, as their bindings
  /// declare.
  template <typename Arguments>
  void dispatch(std::string_view kernel, const Arguments& arguments, std::initializer_list<Binding> bindings) {
    static_assert(std::is_trivially_copyable_v<Arguments>);
    record(kernel, std::as_bytes(std::span(&arguments, 1)), std::span(bindings.begin(), bindings.size()));
  }

  /// Hands the recorded work to the device. Once only; nothing can be recorded afterwards.
  void commit();

  void on_completed(Handler handler);

  /// The one blocking call of the library: returns when the work has completed, throws its Error if it failed. Handlers
  /// may still be running then.
  void wait();

  [[nodiscard]] CommandStatus status() const;
  [[nodiscard]] const std::string& label() const { return label_; }

 protected:
  explicit CommandBuffer(std::string label) : label_(std::move(label)) {}

  /// Backend hooks: encode() translates one checked dispatch; submit() queues the whole, keeping a reference until
  /// finish().
  virtual void encode(std::string_view kernel, std::span<const std::byte> arguments,
                      std::span<const Binding> bindings) = 0;
  virtual void submit() = 0;

  /// Called by the backend once, on a device thread, in commit order: publishes the result and runs the handlers.
  void finish(std::optional<Error> error);

 private:
  void record(std::string_view kernel, std::span<const std::byte> arguments, std::span<const Binding> bindings);

  std::string label_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  CommandStatus status_ = CommandStatus::kEncoding;
  std::optional<Error> error_;
  std::vector<Handler> handlers_;
};

}  // namespace marlin
