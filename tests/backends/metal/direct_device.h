// SPDX-License-Identifier: Apache-2.0
// A device that runs Metal kernels on the interpreter the moment they are committed, with nothing of Metal between: the
// conformance cases of tests/ops judge kernels with it, in every schedule and at every number of threads.
#pragma once

#include <memory>

#include "device/device.h"
#include "runtime/msl.h"

namespace marlin::test {

/// A command buffer with a kernel that the interpreter complains of fails with its messages.
std::unique_ptr<Device> create_direct_device(const msl::Options& options);

}  // namespace marlin::test
