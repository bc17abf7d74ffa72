// SPDX-License-Identifier: Apache-2.0
// What failed on the device, in words.
#pragma once

#include <optional>
#include <string_view>

#include "backends/metal/objc.h"
#include "metal_marlin/error.h"

namespace marlin::metal {

/// The error of a command buffer that has ended, labelled `label`; empty if it succeeded.
std::optional<Error> command_buffer_error(objc::Id commands, std::string_view label);

}  // namespace marlin::metal
