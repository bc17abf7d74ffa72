// SPDX-License-Identifier: Apache-2.0
// Conformance of the sample operation: step by step the tokens, and the logits it leaves, are exactly those of the
// sampler on the host, which is judged by tests/sampling.
#pragma once

#include <string>
#include <vector>

#include "device/device.h"
#include "metal_marlin/generation_options.h"

namespace marlin::test {

struct SampleCase {
  std::string name;
  SamplingOptions options;
};

const std::vector<SampleCase>& sample_cases();

/// Over ragged vocabularies, with and without padding tokens, hundreds of steps in all.
void check_sample(Device& device, const SampleCase& sample_case);

/// The token reaches the embedding of the next step within one command buffer.
void check_sample_then_embed(Device& device);

}  // namespace marlin::test
