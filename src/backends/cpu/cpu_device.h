// SPDX-License-Identifier: Apache-2.0
// The cpu backend: a queue thread takes committed command buffers in order and executes each on a thread pool; the
// threads walk its dispatches together, taking work items from a counter, and pass to the next dispatch when the last
// item is done.
#pragma once

#include <memory>

#include "device/device.h"

namespace marlin {

/// Errors: kInvalidArgument when options.n_threads is out of range.
std::unique_ptr<Device> create_cpu_device(const DeviceOptions& options);

}  // namespace marlin
