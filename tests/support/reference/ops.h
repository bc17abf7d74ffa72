// SPDX-License-Identifier: Apache-2.0
// Every operation of the engine in float64, as literally as its formula: what each kernel on each backend is judged by.
// Slow on purpose. Tensors are row-major vectors with shapes in the margin; weights are [in][out], the transpose of
// HuggingFace's files. A shape that does not fit its vector throws Error(kInternal).
#pragma once

#include <cstddef>
#include <vector>

namespace marlin::reference {

using Tensor = std::vector<double>;

/// x / sqrt(mean(x^2) + eps) * weight over the last axis, whose size is weight's.
Tensor rms_norm(const Tensor& x /* [rows, n] */, const Tensor& weight /* [n] */, double eps);

/// x w; rows = x.size() / n_in.
Tensor matmul(const Tensor& x /* [rows, n_in] */, const Tensor& w /* [n_in, n_out] */, std::size_t n_in,
              std::size_t n_out);

Tensor transpose(const Tensor& matrix /* [rows, n_columns] */, std::size_t n_columns);

/// One row of the table per id.
Tensor gather_rows(const Tensor& table /* [n, width] */, const std::vector<std::size_t>& ids, std::size_t width);

Tensor add(const Tensor& a, const Tensor& b);

/// x / (1 + exp(-x))
Tensor silu(const Tensor& x);

/// silu(gate) * up
Tensor swiglu(const Tensor& gate, const Tensor& up);

/// Over the last axis, in the numerically safe form.
Tensor softmax(const Tensor& x /* [rows, n] */, std::size_t n);
Tensor log_softmax(const Tensor& x /* [rows, n] */, std::size_t n);

}  // namespace marlin::reference
