// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/test_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "tests/ops/error_bound.h"
#include "tests/support/exl3_layer.h"
#include "tests/support/near_norm.h"
#include "trellis/hadamard.h"
#include "trellis/layer.h"

namespace marlin::test {
namespace {

constexpr double kHalfUnit = 0x1p-11;  // unit roundoff of binary16

std::size_t padded(std::size_t n) { return (n + 127) / 128 * 128; }

std::vector<double> half_values(std::span<const std::byte> bytes) {
  std::vector<std::uint16_t> bits(bytes.size() / 2);
  std::memcpy(bits.data(), bytes.data(), bytes.size());
  return halves_to_doubles(bits);
}

double largest(std::span<const double> values) {
  double result = 0;
  for (const double v : values) result = std::max(result, std::fabs(v));
  return result;
}

}  // namespace

Element element_of(abi::MatrixFormat format) {
  if (format == abi::MatrixFormat::kF16) return Element::kF16;
  return format == abi::MatrixFormat::kBf16 ? Element::kBf16 : Element::kF32;
}

std::vector<std::byte> stored_bytes(std::span<const float> values, Element element) {
  if (element == Element::kF32) {
    const auto bytes = std::as_bytes(values);
    return {bytes.begin(), bytes.end()};
  }
  return to_bytes(element == Element::kF16 ? to_halves(values) : to_bfloat16s(values));
}

std::string describe(const MatrixSpec& spec) {
  constexpr std::array kNames = {"f32", "f16", "bf16", "exl3"};
  std::string text = kNames[static_cast<std::size_t>(spec.format)];
  if (spec.format == abi::MatrixFormat::kExl3)
    text += fmt::format(" {} bits {}", spec.bits, codebook_name(spec.codebook));
  text += fmt::format(", {} x {}", spec.n_in, spec.n_out);
  if (spec.bias) text += ", bias";
  if (spec.hostile) text += fmt::format(", hostile {}", static_cast<int>(*spec.hostile));
  return text;
}

TestMatrix::TestMatrix(Device& device, const MatrixSpec& spec, std::uint64_t seed) : misalignment_(spec.misalignment) {
  matrix_.n_in = static_cast<std::uint32_t>(spec.n_in);
  matrix_.n_out = static_cast<std::uint32_t>(spec.n_out);
  matrix_.format = spec.format;
  if (spec.format == abi::MatrixFormat::kExl3) {
    make_exl3(device, spec, seed);
  } else {
    make_plain(device, spec, seed);
  }
  bias_.assign(spec.n_out, 0.0);
  if (spec.bias) {
    const std::vector<float> values = normal_tensor(spec.n_out, seed + 1);
    bias_ = to_doubles(values);
    bias_memory_ = std::make_unique<DeviceTensor<float>>(device, std::span<const float>(values));
    matrix_.bias = bias_memory_->view().device_address();
  }
}

void TestMatrix::make_plain(Device& device, const MatrixSpec& spec, std::uint64_t seed) {
  const Element element = element_of(spec.format);
  const std::size_t count = spec.n_in * spec.n_out;
  const double scale = 1.0 / std::sqrt(static_cast<double>(spec.n_in));
  const std::vector<float> rows =  // [n_out][n_in]
      spec.hostile ? hostile_tensor(*spec.hostile, count, seed, element) : normal_tensor(count, seed, scale, element);
  matrix_.weights = wrapped(device, stored_bytes(rows, element));
  matrix_.stored_in = matrix_.n_in;
  matrix_.stored_out = matrix_.n_out;
  const std::vector<double> values = to_doubles(rows);
  weight_ = reference::transpose(values, spec.n_in);
  input_factors_.assign(spec.n_in, 1.0);
  for (std::size_t j = 0; j < spec.n_out; ++j) {
    output_factors_.push_back(norm(std::span(values).subspan(j * spec.n_in, spec.n_in)));
  }
  flush_ = kFlush * (1.0 + largest(values));
}

void TestMatrix::make_exl3(Device& device, const MatrixSpec& spec, std::uint64_t seed) {
  const std::size_t stored_in = padded(spec.n_in);
  const std::size_t stored_out = padded(spec.n_out);
  Exl3Layer layer = random_exl3_layer(static_cast<std::int64_t>(stored_in), static_cast<std::int64_t>(stored_out),
                                      spec.bits, spec.codebook, seed);
  if (spec.hostile) {
    layer.suh = to_bytes(to_halves(hostile_tensor(*spec.hostile, stored_in, seed + 2, Element::kF16)));
    layer.svh = to_bytes(to_halves(hostile_tensor(*spec.hostile, stored_out, seed + 3, Element::kF16)));
    layer.weight = effective_weight(layer.view());
  }
  in_integers_ = device.info().mul1_in_integers && spec.codebook == Codebook::kMul1;
  in_binary16_ = device.info().multiplies_binary16;
  if (!device.info().rounds_weights) layer.weight = unrounded_effective_weight(layer.view());
  matrix_.weights = wrapped(device, layer.trellis);
  matrix_.input_scale = wrapped(device, layer.suh);
  matrix_.output_scale = wrapped(device, layer.svh);
  matrix_.stored_in = static_cast<std::uint32_t>(stored_in);
  matrix_.stored_out = static_cast<std::uint32_t>(stored_out);
  matrix_.bits = static_cast<std::uint32_t>(spec.bits);
  matrix_.codebook = static_cast<abi::TrellisCodebook>(spec.codebook);
  for (std::size_t i = 0; i < spec.n_in; ++i) {
    const auto row = layer.weight.begin() + static_cast<std::ptrdiff_t>(i * stored_out);
    weight_.insert(weight_.end(), row, row + static_cast<std::ptrdiff_t>(spec.n_out));
  }
  input_factors_ = half_values(layer.suh);
  input_factors_.resize(spec.n_in);
  output_factors_ = half_values(layer.svh);
  output_factors_.resize(spec.n_out);
  const double column_norm = 1.25 * std::sqrt(static_cast<double>(stored_in));  // of decoded weights
  for (double& factor : output_factors_) factor = column_norm * std::fabs(factor);
  flush_ = kFlush * column_norm * (1.0 + largest(output_factors_)) * (1.0 + largest(input_factors_));
}

std::uint64_t TestMatrix::wrapped(Device& device, std::span<const std::byte> bytes) {
  memory_.push_back(std::make_unique<WrappedBytes>(device, bytes, misalignment_));
  return memory_.back()->device_address();
}

reference::Tensor TestMatrix::product(const reference::Tensor& x) const {
  reference::Tensor y = reference::matmul(x, weight_, matrix_.n_in, matrix_.n_out);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] += bias_[i % matrix_.n_out];
  return y;
}

// Each of 128 inputs is off by up to half a step: with a root mean square of step / sqrt(12) and random signs, which
// the weights and the output transform keep. Six times that is never met by chance. In integers the largest of 128 has
// 32767 steps; in binary16 each has at least 2^10 of its own.
double TestMatrix::rounding_of_inputs(std::span<const double> scaled_row) const {
  std::vector<double> transformed(scaled_row.begin(), scaled_row.end());
  transformed.resize(matrix_.stored_in);
  hadamard_128(std::span<double>(transformed));
  double squares = 0;
  for (std::size_t i = 0; i < transformed.size(); i += kHadamardSize) {
    const auto chunk = std::span(transformed).subspan(i, kHadamardSize);
    const double steps = in_integers_ ? kRsqrt128 * largest(chunk) / 32767 * std::sqrt(kHadamardSize)
                                      : kRsqrt128 * norm(chunk) * 2 * kHalfUnit;
    squares += steps * steps / 12;
  }
  return 6 * std::sqrt(squares / matrix_.stored_in);
}

reference::Tensor TestMatrix::error_bound(const reference::Tensor& x) const {
  const reference::Tensor y = product(x);
  const bool is_rounded = in_integers_ || in_binary16_;
  // of results: one input becomes 128 of one size, which all err alike
  const double of_result = in_binary16_ ? kHalfUnit : 0.0;
  reference::Tensor bound;
  for (std::size_t row = 0; row < x.size() / matrix_.n_in; ++row) {
    reference::Tensor scaled(input_factors_);
    for (std::size_t i = 0; i < scaled.size(); ++i) scaled[i] *= x[row * matrix_.n_in + i];
    const double sum_error = kDotTolerance * norm(scaled) + (is_rounded ? rounding_of_inputs(scaled) : 0.0);
    for (std::size_t j = 0; j < matrix_.n_out; ++j) {
      const double result = std::fabs(y[row * matrix_.n_out + j]);
      const double rounding = 2 * kUnit * (result + std::fabs(bias_[j])) + of_result * result;
      bound.push_back(sum_error * output_factors_[j] + rounding + flush_ * static_cast<double>(matrix_.stored_in));
    }
  }
  return bound;
}

}  // namespace marlin::test
