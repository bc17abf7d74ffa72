// SPDX-License-Identifier: Apache-2.0
// MTLEvent, MTLSharedEvent and MTLFence. Values are guarded by the GPU's mutex, which wakes those that wait.
#pragma once

#include <cstdint>
#include <vector>

#include "foundation/string.h"
#include "gpu/encoder_order.h"
#include "runtime/block.h"

namespace softmetal {

class Event final : public Object {
 public:
  explicit Event(bool shared);

  // With the GPU's mutex held.
  [[nodiscard]] std::uint64_t value() const { return value_; }
  void signal_locked(std::uint64_t value);
  EncoderIds encoders;          // those that ran before its signals
  std::uint64_t host_tick = 0;  // of the host's last signal

  std::uint64_t signaled_value();
  void set_signaled_value(std::uint64_t value);
  bool wait_until(std::uint64_t value, std::uint64_t timeout_ms);
  /// `block` is called with this event and its value, on the driver's thread.
  void notify(Object* listener, std::uint64_t value, Block* block);
  void set_label_string(const String* label) { set_label(text_of(label)); }
  String* label_string() { return make_string(label()); }

 private:
  struct Listener {
    std::uint64_t value;
    BlockRef block;
  };
  std::uint64_t value_ = 0;
  std::vector<Listener> listeners_;
};

class Fence final : public Object {
 public:
  Fence();
  EncoderIds encoders;  // for the GPU's thread: those that ran before its last update
  void set_label_string(const String* label) { set_label(text_of(label)); }
};

}  // namespace softmetal
