// SPDX-License-Identifier: Apache-2.0
// A weight matrix of any storage format, as kernels get it and as the float64 reference sees it. Its tensors lie at odd
// addresses unless asked otherwise, as in published files; biases are ours and aligned.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "abi/matrix.h"
#include "device/device.h"
#include "tests/ops/device_tensor.h"
#include "tests/support/random_tensor.h"
#include "tests/support/reference/ops.h"
#include "trellis/codebook.h"

namespace marlin::test {

struct MatrixSpec {
  abi::MatrixFormat format = abi::MatrixFormat::kF32;
  std::size_t n_in = 0;
  std::size_t n_out = 0;
  int bits = 0;  ///< exl3, with codebook
  Codebook codebook = Codebook::kMul1;
  bool bias = false;
  std::optional<Hostile> hostile;  ///< values of a plain matrix, of both scale vectors of an EXL3 one; else ordinary
  std::size_t misalignment = 3;    ///< bytes of its tensors' addresses beyond an aligned one
};

/// The element type of a plain format.
Element element_of(abi::MatrixFormat format);

/// Values as a file stores them, little-endian.
std::vector<std::byte> stored_bytes(std::span<const float> values, Element element);

/// "exl3 3 bits mcg, 100 x 300, bias"
std::string describe(const MatrixSpec& spec);

class TestMatrix {
 public:
  /// Random, outputs of RMS near 1 for inputs of RMS 1 unless hostile.
  TestMatrix(Device& device, const MatrixSpec& spec, std::uint64_t seed);

  [[nodiscard]] const abi::Matrix& matrix() const { return matrix_; }

  [[nodiscard]] const reference::Tensor& weight() const { return weight_; }  ///< [n_in, n_out]

  /// x W + bias.
  [[nodiscard]] reference::Tensor product(const reference::Tensor& x /* [rows, n_in] */) const;

  /// How far a float32 kernel may be off it, per element. Plain: kDotTolerance |x| |W_j| for the sum. EXL3: the sum
  /// runs over transformed inputs, of norm |x o suh|, and decoded weights, of RMS up to 1.25; the output transform
  /// keeps the norm; svh_j scales. Where such layers are multiplied in integers or in binary16, plus what rounding the
  /// transformed inputs does. Plus the roundings of bias and result, plus flushed subnormals.
  [[nodiscard]] reference::Tensor error_bound(const reference::Tensor& x /* [rows, n_in] */) const;

 private:
  void make_plain(Device& device, const MatrixSpec& spec, std::uint64_t seed);
  void make_exl3(Device& device, const MatrixSpec& spec, std::uint64_t seed);
  std::uint64_t wrapped(Device& device, std::span<const std::byte> bytes);

  /// How far rounding the transformed inputs of a row to integers or to binary16 moves an output, for svh_j = 1.
  [[nodiscard]] double rounding_of_inputs(std::span<const double> scaled_row) const;

  std::size_t misalignment_ = 0;
  bool in_integers_ = false;
  bool in_binary16_ = false;

  abi::Matrix matrix_{};
  reference::Tensor weight_;          // [n_in, n_out]
  reference::Tensor bias_;            // [n_out]
  reference::Tensor input_factors_;   // [n_in]: what the error bound multiplies x by before taking its norm
  reference::Tensor output_factors_;  // [n_out]: and its outputs
  double flush_ = 0;                  // what flushing subnormals can change in an output
  std::vector<std::unique_ptr<WrappedBytes>> memory_;
  std::unique_ptr<DeviceTensor<float>> bias_memory_;
};

}  // namespace marlin::test
