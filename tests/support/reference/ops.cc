// SPDX-License-Identifier: Apache-2.0
#include "tests/support/reference/ops.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace marlin::reference {

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  const std::size_t n = weight.size();
  MARLIN_CHECK(n > 0 && x.size() % n == 0);
  Tensor y(x.size());
  for (std::size_t row = 0; row < x.size(); row += n) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += x[row + i] * x[row + i];
    const double norm = std::sqrt(sum / static_cast<double>(n) + eps);
    for (std::size_t i = 0; i < n; ++i) y[row + i] = x[row + i] / norm * weight[i];
  }
  return y;
}

Tensor matmul(const Tensor& x, const Tensor& w, std::size_t n_in, std::size_t n_out) {
  MARLIN_CHECK(n_in > 0 && x.size() % n_in == 0 && w.size() == n_in * n_out);
  const std::size_t n_rows = x.size() / n_in;
  Tensor y(n_rows * n_out, 0.0);
  for (std::size_t row = 0; row < n_rows; ++row) {
    for (std::size_t k = 0; k < n_in; ++k) {
      const double factor = x[row * n_in + k];
      for (std::size_t j = 0; j < n_out; ++j) y[row * n_out + j] += factor * w[k * n_out + j];
    }
  }
  return y;
}

Tensor transpose(const Tensor& matrix, std::size_t n_columns) {
  MARLIN_CHECK(n_columns > 0 && matrix.size() % n_columns == 0);
  const std::size_t n_rows = matrix.size() / n_columns;
  Tensor result(matrix.size());
  for (std::size_t i = 0; i < n_rows; ++i) {
    for (std::size_t j = 0; j < n_columns; ++j) result[j * n_rows + i] = matrix[i * n_columns + j];
  }
  return result;
}

Tensor gather_rows(const Tensor& table, const std::vector<std::size_t>& ids, std::size_t width) {
  Tensor rows;
  rows.reserve(ids.size() * width);
  for (const std::size_t id : ids) {
    MARLIN_CHECK((id + 1) * width <= table.size());
    const auto begin = table.begin() + static_cast<std::ptrdiff_t>(id * width);
    rows.insert(rows.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
  }
  return rows;
}

Tensor add(const Tensor& a, const Tensor& b) {
  MARLIN_CHECK(a.size() == b.size());
  Tensor sum(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) sum[i] = a[i] + b[i];
  return sum;
}

Tensor silu(const Tensor& x) {
  Tensor y(x.size());
  std::transform(x.begin(), x.end(), y.begin(), [](double v) { return v / (1.0 + std::exp(-v)); });
  return y;
}

Tensor swiglu(const Tensor& gate, const Tensor& up) {
  MARLIN_CHECK(gate.size() == up.size());
  Tensor y = silu(gate);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] *= up[i];
  return y;
}

Tensor log_softmax(const Tensor& x, std::size_t n) {
  MARLIN_CHECK(n > 0 && x.size() % n == 0);
  Tensor y(x.size());
  for (std::size_t row = 0; row < x.size(); row += n) {
    double largest = x[row];
    for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, x[row + i]);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += std::exp(x[row + i] - largest);
    for (std::size_t i = 0; i < n; ++i) y[row + i] = x[row + i] - largest - std::log(sum);
  }
  return y;
}

Tensor softmax(const Tensor& x, std::size_t n) {
  Tensor y = log_softmax(x, n);
  std::transform(y.begin(), y.end(), y.begin(), [](double v) { return std::exp(v); });
  return y;
}

}  // namespace marlin::reference
