// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding in float64, and the frequency tables of the scalings that published configs ask for.
// Surprise: whatever the layout of the pairs on the way in, they leave as halves; a dot product of two such vectors is
// the same.
#pragma once

#include <cstddef>
#include <vector>

#include "tests/support/reference/ops.h"

namespace marlin::reference {

/// How the rotated pairs lie in a head on the way in: (i, i + dim/2), or (2i, 2i + 1).
enum class RopePairs { kHalves, kInterleaved };

/// Rotates pair i of every head by positions[token] * frequencies[i]; the result is multiplied by `factor` (YaRN's
/// attention factor). The head dimension is 2 * frequencies.size(), all of it rotated. Out: first all first members,
/// then all second.
Tensor rope(const Tensor& x /* [n_tokens, n_heads, dim] */, const std::vector<std::size_t>& positions /* [n_tokens] */,
            std::size_t n_heads, const Tensor& frequencies /* [dim / 2] */, RopePairs pairs, double factor = 1.0);

/// theta^(-2i / dim)
Tensor plain_frequencies(std::size_t dim, double theta);

/// Llama 3: long waves divided by `factor`, short ones kept, a smooth transition between.
Tensor llama3_frequencies(std::size_t dim, double theta, double factor, double low_freq_factor, double high_freq_factor,
                          double original_max_positions);

/// YaRN: frequencies that turn fewer than beta_slow times over the original context are divided by `factor`, those that
/// turn more than beta_fast times kept, a linear ramp over the (rounded outward) index range between.
Tensor yarn_frequencies(std::size_t dim, double theta, double factor, double beta_fast, double beta_slow,
                        double original_max_positions);

/// YaRN's magnitude correction, 0.1 * mscale * ln(factor) + 1 for factor > 1, else 1.
double yarn_mscale(double factor, double mscale);

}  // namespace marlin::reference
