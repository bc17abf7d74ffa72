// SPDX-License-Identifier: Apache-2.0
// Measures where the time of a forward pass goes; the Engine's profile().
#pragma once

#include "generation/loaded_model.h"
#include "metal_marlin/profile.h"

namespace marlin {

/// Errors: kInvalidArgument for options out of range.
Profile profile_model(const LoadedModel& loaded, const ProfileOptions& options);

}  // namespace marlin
