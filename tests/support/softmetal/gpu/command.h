// SPDX-License-Identifier: Apache-2.0
// What encoders write into a command buffer and the GPU carries out.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "classes/buffer.h"
#include "classes/event.h"
#include "classes/pipeline.h"

namespace softmetal {

struct BeginEncoder {
  bool concurrent = false;
};

/// Slices of the command buffer's pools.
struct Dispatch {
  Hold<Pipeline> pipeline;
  msl::Size grid;
  msl::Size threadgroup;
  bool grid_in_threads = false;
  std::uint32_t first_binding = 0;
  std::uint32_t n_bindings = 0;
  std::uint32_t first_length = 0;  // of threadgroup memory
  std::uint32_t n_lengths = 0;
};

struct Barrier {
  bool all = true;
  std::vector<Hold<Buffer>> buffers;  // if not all
};

/// Makes buffers resident for the rest of the encoder.
struct UseResource {
  Hold<Buffer> buffer;
};

struct CopyBytes {
  Hold<Buffer> from;
  std::size_t from_offset = 0;
  Hold<Buffer> to;
  std::size_t to_offset = 0;
  std::size_t n_bytes = 0;
};

struct FillBytes {
  Hold<Buffer> buffer;
  Range range{};
  std::uint8_t value = 0;
};

struct SignalEvent {
  Hold<Event> event;
  std::uint64_t value = 0;
};

struct WaitForEvent {
  Hold<Event> event;
  std::uint64_t value = 0;
};

struct UpdateFence {
  Hold<Fence> fence;
};

struct WaitForFence {
  Hold<Fence> fence;
};

using Command = std::variant<BeginEncoder, Dispatch, Barrier, UseResource, CopyBytes, FillBytes, SignalEvent,
                             WaitForEvent, UpdateFence, WaitForFence>;

/// One argument of a dispatch: a buffer from an offset on, or bytes that were copied.
struct BoundArgument {
  std::uint32_t index = 0;
  Hold<Buffer> buffer;  // null: bytes
  std::size_t offset = 0;
  std::size_t n_bytes = 0;  // of the copy
};

struct CommandList {
  std::vector<Command> commands;
  std::vector<BoundArgument> bindings;
  std::vector<std::size_t> lengths;
  std::vector<std::byte> bytes;  // of setBytes

  void clear() {
    commands.clear();
    bindings.clear();
    lengths.clear();
    bytes.clear();
  }
};

}  // namespace softmetal
