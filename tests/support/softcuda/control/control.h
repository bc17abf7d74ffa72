// SPDX-License-Identifier: Apache-2.0
// The options in force.
#pragma once

#include "tests/support/softcuda/softcuda.h"

namespace softcuda {

/// As last set by reset(), else the environment's.
Options current_options();

}  // namespace softcuda
