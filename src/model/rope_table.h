// SPDX-License-Identifier: Apache-2.0
// Rotary frequencies with every published scaling, and the table of cosines and sines that kernels read.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"

namespace marlin {

/// Angle per position of each of the dim / 2 pairs. llama3: Llama 3.1; YaRN: arXiv 2309.00071, as transformers computes
/// it.
std::vector<double> rope_frequencies(const RopeConfig& rope, std::int64_t dim);

/// table[n_positions][dim / 2][2] = cos, sin (times rope.attention_factor), angles in double.
void fill_rope_table(const RopeConfig& rope, std::int64_t dim, std::span<float> table);

}  // namespace marlin
