// SPDX-License-Identifier: Apache-2.0
// Copying floats on the device.
#pragma once

#include "device/encoder.h"

namespace marlin::ops {

/// destination = source, f32, equally long.
void copy(Encoder& encoder, const BufferView& source, const BufferView& destination);

}  // namespace marlin::ops
