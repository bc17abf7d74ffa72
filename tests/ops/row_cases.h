// SPDX-License-Identifier: Apache-2.0
// Conformance of the operations that treat each row by itself: copy, embed, rms_norm, rope, kv_append. Each check runs
// its own sweep of widths, row counts, strides and hostile values.
#pragma once

#include "device/device.h"

namespace marlin::test {

void check_copy(Device& device);
void check_embed(Device& device);
void check_rms_norm(Device& device);
void check_rope(Device& device);
void check_kv_append(Device& device);
void check_int8_kv_append(Device& device);
void check_int8_kv_append_of_hostile_groups(Device& device);

}  // namespace marlin::test
