// SPDX-License-Identifier: Apache-2.0
// Queues dispatches, all experts of a layer among them, and encodes them in order into a command buffer when a group of
// layers is complete. Until then nothing has been opened, so an error while a layer is prepared leaves nothing behind.
// Its memory is reused: steady work allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "device/command_buffer.h"
#include "device/encoder.h"
#include "runtime/instruments.h"
#include "runtime/stage.h"

namespace marlin {

class BatchedDispatcher final : public Encoder {
 public:
  explicit BatchedDispatcher(Instruments& instruments) : instruments_(instruments) {}

  void record(std::string_view kernel, std::span<const std::byte> arguments,
              std::span<const Binding> bindings) override;

  /// What the following dispatches belong to, for logs.
  void mark(std::int64_t layer, Stage stage) {
    layer_ = layer;
    stage_ = stage;
  }

  [[nodiscard]] bool empty() const { return queue_.empty(); }
  [[nodiscard]] std::size_t size() const { return queue_.size(); }

  /// The kernel of dispatch i.
  [[nodiscard]] std::string_view kernel(std::size_t i) const { return queue_[i].kernel; }

  /// Encodes everything queued, in order, and forgets it.
  void encode_into(CommandBuffer& commands);

  /// Encodes dispatch i, which stays queued.
  void encode_one_into(CommandBuffer& commands, std::size_t i);

  /// Forgets everything queued.
  void clear();

 private:
  struct Dispatch {
    std::string_view kernel;
    std::size_t arguments;  // offset in arguments_
    std::size_t n_argument_bytes;
    std::size_t bindings;  // index in bindings_
    std::size_t n_bindings;
    std::int64_t layer;
    Stage stage;
  };

  Instruments& instruments_;
  std::vector<Dispatch> queue_;
  std::vector<std::byte> arguments_;
  std::vector<Binding> bindings_;
  std::int64_t layer_ = 0;
  Stage stage_ = Stage::kEmbedding;
};

}  // namespace marlin
