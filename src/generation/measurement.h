// SPDX-License-Identifier: Apache-2.0
// What measurements share: the profiler, metal-marlin bench and bench dispatch.
#pragma once

#include <cstdint>
#include <vector>

namespace marlin {

/// The same tokens every time. Any would do, since the work does not depend on them, except for the choice of experts,
/// which should vary.
std::vector<std::int32_t> random_tokens(std::int64_t n, std::int64_t vocab_size);

/// Of an even number of values the mean of the middle two; `values` must not be empty.
double median(std::vector<double> values);

}  // namespace marlin
