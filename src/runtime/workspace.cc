// SPDX-License-Identifier: Apache-2.0
#include "runtime/workspace.h"

#include "base/error.h"

namespace marlin {

Workspace::Workspace(Device& device, std::int64_t n_floats)
    : buffer_(device.allocate(bytes(n_floats), "workspace", Visibility::kDevice)) {}

BufferView Workspace::space(std::int64_t n_floats) const {
  MARLIN_CHECK(n_floats >= 0 && static_cast<std::size_t>(n_floats) <= buffer_->size_bytes() / sizeof(float));
  return {buffer_.get(), 0, bytes(n_floats)};
}

}  // namespace marlin
