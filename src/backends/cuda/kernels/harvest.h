// SPDX-License-Identifier: Apache-2.0
// Runs behind the work of a command buffer: moves the failure that kernels left in the device's one record to the
// record of the command buffer in host memory, and clears the former.
#pragma once

#include "backends/cuda/recorded_launch.h"

namespace marlin::cuda {

RecordedLaunch harvest_launch(abi::KernelFailure* device_record, abi::KernelFailure* host_record);

}  // namespace marlin::cuda
