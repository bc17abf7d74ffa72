// SPDX-License-Identifier: Apache-2.0
// The ranges of the options of include/metal_marlin/generation_options.h. Checked once per request, before anything is
// computed, and by whatever makes a sampler.
#pragma once

#include "metal_marlin/generation_options.h"

namespace marlin {

/// Checks the range of every option. Errors: kInvalidArgument, naming the option as the command line spells it
/// ("--top-p must be in (0, 1], got 1.5").
void validate(const SamplingOptions& options);

/// The same for a request and its sampling options.
void validate(const GenerationOptions& options);

}  // namespace marlin
