// SPDX-License-Identifier: Apache-2.0
// Devices by name: the only place that knows which backends exist.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.h"

namespace marlin {

/// Backends of this build, best first.
std::vector<std::string> backend_names();

/// Those of them that this machine has a device for.
std::vector<std::string> usable_backends();

/// Creates the device of that backend ("auto" = the best usable one). Errors: kInvalidArgument naming the known ones,
/// kDevice.
std::unique_ptr<Device> create_device(std::string_view backend, const DeviceOptions& options);

}  // namespace marlin
