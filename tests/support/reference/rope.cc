// SPDX-License-Identifier: Apache-2.0
#include "tests/support/reference/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace marlin::reference {

Tensor rope(const Tensor& x, const std::vector<std::size_t>& positions, std::size_t n_heads, const Tensor& frequencies,
            RopePairs pairs, double factor) {
  const std::size_t half = frequencies.size();
  MARLIN_CHECK(x.size() == positions.size() * n_heads * 2 * half);
  Tensor y(x.size());
  for (std::size_t head = 0; head < positions.size() * n_heads; ++head) {
    const std::size_t base = head * 2 * half;
    const auto position = static_cast<double>(positions[head / n_heads]);
    for (std::size_t i = 0; i < half; ++i) {
      const double angle = position * frequencies[i];
      const double first = pairs == RopePairs::kHalves ? x[base + i] : x[base + 2 * i];
      const double second = pairs == RopePairs::kHalves ? x[base + half + i] : x[base + 2 * i + 1];
      y[base + i] = factor * (first * std::cos(angle) - second * std::sin(angle));
      y[base + half + i] = factor * (second * std::cos(angle) + first * std::sin(angle));
    }
  }
  return y;
}

Tensor plain_frequencies(std::size_t dim, double theta) {
  Tensor frequencies(dim / 2);
  for (std::size_t i = 0; i < dim / 2; ++i) {
    frequencies[i] = std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
  }
  return frequencies;
}

Tensor llama3_frequencies(std::size_t dim, double theta, double factor, double low_freq_factor, double high_freq_factor,
                          double original_max_positions) {
  Tensor frequencies = plain_frequencies(dim, theta);
  for (double& frequency : frequencies) {
    const double turns = original_max_positions * frequency / (2.0 * std::numbers::pi);
    const double kept = std::clamp((turns - low_freq_factor) / (high_freq_factor - low_freq_factor), 0.0, 1.0);
    frequency = (1.0 - kept) * frequency / factor + kept * frequency;
  }
  return frequencies;
}

Tensor yarn_frequencies(std::size_t dim, double theta, double factor, double beta_fast, double beta_slow,
                        double original_max_positions) {
  // the (fractional) index of the frequency that turns `turns` times over the original context
  const auto index_of = [&](double turns) {
    return static_cast<double>(dim) * std::log(original_max_positions / (turns * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(theta));
  };
  const double low = std::max(std::floor(index_of(beta_fast)), 0.0);
  double high = std::min(std::ceil(index_of(beta_slow)), static_cast<double>(dim) - 1.0);
  if (low == high) high += 0.001;  // as the published implementations do, against a division by zero
  Tensor frequencies = plain_frequencies(dim, theta);
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const double scaled = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = scaled * frequencies[i] / factor + (1.0 - scaled) * frequencies[i];
  }
  return frequencies;
}

double yarn_mscale(double factor, double mscale) { return factor > 1.0 ? 0.1 * mscale * std::log(factor) + 1.0 : 1.0; }

}  // namespace marlin::reference
