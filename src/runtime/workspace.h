// SPDX-License-Identifier: Apache-2.0
// The scratch memory of sublayers: planned once from the model and the largest batch, the same for every layer and
// every pass. Sharing it is safe because a device runs command buffers one after another and orders dispatches by what
// they declare to read and write; nothing in it outlives the sublayer that wrote it.
#pragma once

#include <cstdint>
#include <memory>

#include "device/device.h"

namespace marlin {

class Workspace {
 public:
  /// Bytes for `n_floats` floats.
  static std::size_t bytes(std::int64_t n_floats) { return static_cast<std::size_t>(n_floats) * sizeof(float); }

  /// Errors: kOutOfMemory.
  Workspace(Device& device, std::int64_t n_floats);

  /// The first n_floats floats. Errors: kInternal when the plan was smaller.
  [[nodiscard]] BufferView space(std::int64_t n_floats) const;

 private:
  std::unique_ptr<Buffer> buffer_;
};

}  // namespace marlin
