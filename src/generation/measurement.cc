// SPDX-License-Identifier: Apache-2.0
#include "generation/measurement.h"

#include <algorithm>
#include <random>

namespace marlin {

std::vector<std::int32_t> random_tokens(std::int64_t n, std::int64_t vocab_size) {
  std::mt19937_64 random(1);
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(n));
  for (std::int32_t& token : tokens) {
    token = static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(vocab_size));
  }
  return tokens;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return (values[values.size() / 2] + values[(values.size() - 1) / 2]) / 2;
}

}  // namespace marlin
