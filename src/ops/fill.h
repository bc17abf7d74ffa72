// SPDX-License-Identifier: Apache-2.0
// Giving device memory defined contents.
#pragma once

#include <cstdint>

#include "device/encoder.h"

namespace marlin::ops {

/// Every whole 4 bytes of `destination` = value.
void fill(Encoder& encoder, const BufferView& destination, std::uint32_t value);

}  // namespace marlin::ops
