// SPDX-License-Identifier: Apache-2.0
// Missing order between encoders. Metal orders them itself only where both touch a tracked buffer that was set on the
// encoder or named by useResource, on one queue. Untracked buffers, and those reached by address alone, need a fence,
// an event, or a host that commits the later one after the earlier has ended. Surprise: used by the GPU's thread only,
// except for ticks, which the GPU's mutex guards.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "gpu/hazards.h"

namespace softmetal {

using EncoderIds = std::set<std::uint64_t>;

/// What a command buffer knows of order; a part of it.
struct OrderState {
  std::uint64_t commit_tick = 0;  // or when the host last signalled an event that it waited for
  EncoderIds before_all;          // through events
  EncoderIds before;              // of the encoder that runs
  EncoderIds own;                 // its encoders so far, and all before them
  std::uint64_t encoder = 0;      // that runs; 0: none
};

class EncoderOrder {
 public:
  static EncoderOrder& instance();

  /// Rises with every commit, end and signal of the host.
  [[nodiscard]] std::uint64_t tick() { return ++tick_; }

  void begin_encoder(OrderState& state, const void* queue);
  /// Takes note of what the running encoder touches; each access without order is a fault.
  void touch(const OrderState& state, const void* queue, const std::string& what,
             const std::vector<TouchedBytes>& touched);
  /// Drops those that are forgotten.
  void prune(EncoderIds& encoders) const;
  /// The command buffer has ended.
  void end(const OrderState& state, std::uint64_t tick);

 private:
  static constexpr std::size_t kMaxEncoders = 256;  // the oldest are forgotten

  struct Past {
    std::uint64_t id;
    const void* queue;
    std::uint64_t end_tick = 0;  // 0: its command buffer runs
    struct Touch {
      TouchedBytes bytes;
      std::string what;
    };
    std::vector<Touch> touches = {};
  };
  /// True: a fault was found.
  bool check(const Past& past, const void* queue, const std::string& what, const TouchedBytes& now);

  std::uint64_t tick_ = 0;
  std::uint64_t last_id_ = 0;
  std::deque<Past> past_;
};

}  // namespace softmetal
