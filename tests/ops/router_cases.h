// SPDX-License-Identifier: Apache-2.0
// Conformance of ops::route: the experts chosen must be exactly those of the float64 reference, ties included.
#pragma once

#include "device/device.h"

namespace marlin::test {

/// Softmax and sigmoid, with and without correction bias, normalisation, scaling, groups, a shared expert; 4 to 64
/// experts, 1 to 8 of them chosen; random, tied and extreme scores.
void check_router(Device& device);

}  // namespace marlin::test
