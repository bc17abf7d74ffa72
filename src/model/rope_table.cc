// SPDX-License-Identifier: Apache-2.0
#include "model/rope_table.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace marlin {
namespace {

double llama3_frequency(const RopeConfig& rope, double frequency) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength > rope.original_max_positions / rope.low_freq_factor) return frequency / rope.factor;
  if (wavelength < rope.original_max_positions / rope.high_freq_factor) return frequency;
  const double smooth = (rope.original_max_positions / wavelength - rope.low_freq_factor) /
                        (rope.high_freq_factor - rope.low_freq_factor);
  return (1 - smooth) * frequency / rope.factor + smooth * frequency;
}

/// The pair whose wavelength turns `rotations` times over the original context.
double yarn_pair(const RopeConfig& rope, double dim, double rotations) {
  return dim * std::log(rope.original_max_positions / (rotations * 2 * std::numbers::pi)) / (2 * std::log(rope.theta));
}

void scale_yarn(const RopeConfig& rope, std::int64_t dim, std::vector<double>& frequencies) {
  const auto size = static_cast<double>(dim);
  const double low = std::max(std::floor(yarn_pair(rope, size, rope.beta_fast)), 0.0);
  double high = std::min(std::ceil(yarn_pair(rope, size, rope.beta_slow)), size - 1);
  if (high == low) high += 0.001;
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const double interpolated = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] *= interpolated / rope.factor + (1 - interpolated);
  }
}

}  // namespace

std::vector<double> rope_frequencies(const RopeConfig& rope, std::int64_t dim) {
  std::vector<double> frequencies(static_cast<std::size_t>(dim / 2));
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = std::pow(rope.theta, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
  }
  switch (rope.scaling) {
    case RopeScaling::kNone:
      break;
    case RopeScaling::kLinear:
      for (double& frequency : frequencies) frequency /= rope.factor;
      break;
    case RopeScaling::kLlama3:
      for (double& frequency : frequencies) frequency = llama3_frequency(rope, frequency);
      break;
    case RopeScaling::kYarn:
      scale_yarn(rope, dim, frequencies);
      break;
  }
  return frequencies;
}

void fill_rope_table(const RopeConfig& rope, std::int64_t dim, std::span<float> table) {
  const std::vector<double> frequencies = rope_frequencies(rope, dim);
  const std::size_t n_positions = table.size() / static_cast<std::size_t>(dim);
  float* out = table.data();
  for (std::size_t position = 0; position < n_positions; ++position) {
    for (const double frequency : frequencies) {
      const double angle = static_cast<double>(position) * frequency;
      *out++ = static_cast<float>(std::cos(angle) * rope.attention_factor);
      *out++ = static_cast<float>(std::sin(angle) * rope.attention_factor);
    }
  }
}

}  // namespace marlin
