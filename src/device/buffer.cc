// SPDX-License-Identifier: Apache-2.0
#include "device/buffer.h"

#include "device/hazard_checker.h"

namespace marlin {

std::byte* BufferView::host_access(bool writes) const {
  if (buffer->hazard_checker() != nullptr) buffer->hazard_checker()->host_access(*buffer, offset, bytes, writes);
  return buffer->host() + offset;
}

}  // namespace marlin
