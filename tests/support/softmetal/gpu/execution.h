// SPDX-License-Identifier: Apache-2.0
// Carries out the commands of a command buffer that need no lock: dispatches, copies, fills.
#pragma once

#include "classes/command_buffer.h"

namespace softmetal {

/// Faults and a failure of the command buffer are left in place. Events are the GPU's.
void execute(CommandBuffer& commands, const Command& command);

}  // namespace softmetal
