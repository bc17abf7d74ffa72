// SPDX-License-Identifier: Apache-2.0
#include "device/buffer.h"

#include "base/error.h"
#include "device/hazard_checker.h"

namespace marlin {

void BufferView::check_host_access(bool writes) const {
  if (buffer->hazard_checker() != nullptr) buffer->hazard_checker()->host_access(*buffer, offset, bytes, writes);
}

std::byte* BufferView::host_access(bool writes) const {
  MARLIN_CHECK(buffer->visibility() == Visibility::kHost);
  check_host_access(writes);
  return buffer->host() + offset;
}

}  // namespace marlin
