// SPDX-License-Identifier: Apache-2.0
// The cuda backend: the first NVIDIA GPU that CUDA shows this process (CUDA_VISIBLE_DEVICES chooses).
#pragma once

#include <memory>

#include "device/device.h"

namespace marlin {

/// Whether there is a GPU with a driver that this program can use.
bool cuda_is_usable();

/// Errors: kDevice, kUnsupported, saying what is missing.
std::unique_ptr<Device> create_cuda_device(const DeviceOptions& options);

}  // namespace marlin
