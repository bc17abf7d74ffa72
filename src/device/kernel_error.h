// SPDX-License-Identifier: Apache-2.0
// What a kernel that cannot return an error left behind, in words; for the backends of GPUs.
#pragma once

#include <optional>
#include <string_view>

#include "abi/kernel_failure.h"
#include "metal_marlin/error.h"

namespace marlin {

/// Empty if it left nothing. `label`: of the command buffer.
std::optional<Error> kernel_error(const abi::KernelFailure& failure, std::string_view label);

}  // namespace marlin
