// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/kernels/dense_block.h"

#include <algorithm>

#include "backends/cpu/kernels/matmul_block.h"
#include "base/error.h"
#include "base/unroll.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/dense_block.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/cpu/kernels/load-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

/// out[row][0] = w . x[row] for kRows rows: each loaded vector of weights serves all of them.
template <abi::MatrixFormat kFormat, int kRows>
HWY_INLINE void dot_rows(const std::uint8_t* w, std::size_t n, const float* x, std::size_t x_stride, float* out) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> even[kRows];
  hn::Vec<decltype(d)> odd[kRows];
  MARLIN_UNROLL
  for (int row = 0; row < kRows; ++row) even[row] = odd[row] = hn::Zero(d);
  std::size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    const auto w0 = load_elements<kFormat>(d, w + i * kElementBytes<kFormat>);
    const auto w1 = load_elements<kFormat>(d, w + (i + lanes) * kElementBytes<kFormat>);
    MARLIN_UNROLL
    for (std::size_t row = 0; row < kRows; ++row) {
      even[row] = hn::MulAdd(w0, hn::LoadU(d, x + row * x_stride + i), even[row]);
      odd[row] = hn::MulAdd(w1, hn::LoadU(d, x + row * x_stride + i + lanes), odd[row]);
    }
  }
  MARLIN_UNROLL
  for (std::size_t row = 0; row < kRows; ++row) {
    float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even[row], odd[row])));
    for (std::size_t k = i; k < n; ++k) {
      sum += load_element<kFormat>(w + k * kElementBytes<kFormat>) * x[row * x_stride + k];
    }
    out[row * kBlockOutputs] = sum;
  }
}

template <abi::MatrixFormat kFormat>
void dense_outputs(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                   std::uint32_t block, float* out) {
  const std::size_t n = matrix.n_in;
  const std::uint32_t first = block * kBlockOutputs;
  const std::uint32_t n_outputs = std::min(kBlockOutputs, matrix.n_out - first);
  const auto* weights = reinterpret_cast<const std::uint8_t*>(matrix.weights);
  for (std::uint32_t output = 0; output < n_outputs; ++output) {
    const std::uint8_t* w = weights + std::size_t{first + output} * n * kElementBytes<kFormat>;
    float* y = out + output;
    std::uint32_t row = 0;
    for (; row + 4 <= n_rows; row += 4) {
      dot_rows<kFormat, 4>(w, n, x + row * x_stride, x_stride, y + row * kBlockOutputs);
    }
    for (; row < n_rows; ++row) dot_rows<kFormat, 1>(w, n, x + row * x_stride, x_stride, y + row * kBlockOutputs);
  }
}

void dense_block_target(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                        std::uint32_t block, float* out) {
  switch (matrix.format) {
    case abi::MatrixFormat::kF32:
      return dense_outputs<abi::MatrixFormat::kF32>(matrix, x, x_stride, n_rows, block, out);
    case abi::MatrixFormat::kF16:
      return dense_outputs<abi::MatrixFormat::kF16>(matrix, x, x_stride, n_rows, block, out);
    case abi::MatrixFormat::kBf16:
      return dense_outputs<abi::MatrixFormat::kBf16>(matrix, x, x_stride, n_rows, block, out);
    case abi::MatrixFormat::kExl3:
      break;
  }
  fail(ErrorCode::kInternal, "matrix format {} is not dense", static_cast<std::uint32_t>(matrix.format));
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin::cpu {

HWY_EXPORT(dense_block_target);

void dense_block(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                 std::uint32_t block, float* out) {
  HWY_DYNAMIC_DISPATCH(dense_block_target)(matrix, x, x_stride, n_rows, block, out);
}

}  // namespace marlin::cpu
#endif
