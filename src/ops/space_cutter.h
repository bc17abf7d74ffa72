// SPDX-License-Identifier: Apache-2.0
// Dividing a stretch of scratch memory among the intermediate results of an operation or a sublayer.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "device/buffer.h"

namespace marlin {

/// Hands out consecutive stretches of a space.
class SpaceCutter {
 public:
  explicit SpaceCutter(const BufferView& space) : rest_(space) {}

  /// The next n floats.
  BufferView floats(std::int64_t n) {
    const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(float);
    MARLIN_CHECK(bytes <= rest_.bytes);
    const BufferView taken{rest_.buffer, rest_.offset, bytes};
    rest_ = {rest_.buffer, rest_.offset + bytes, rest_.bytes - bytes};
    return taken;
  }

  [[nodiscard]] BufferView rest() const { return rest_; }

 private:
  BufferView rest_;
};

}  // namespace marlin
