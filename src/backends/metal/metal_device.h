// SPDX-License-Identifier: Apache-2.0
// The backend of Apple GPUs.
#pragma once

#include <memory>

#include "device/device.h"

namespace marlin {

/// Whether this machine has a GPU that create_metal_device() accepts.
bool metal_is_usable();

/// Errors: kDevice when the machine has no GPU, kUnsupported when it is not one of Apple silicon.
std::unique_ptr<Device> create_metal_device(const DeviceOptions& options);

}  // namespace marlin
