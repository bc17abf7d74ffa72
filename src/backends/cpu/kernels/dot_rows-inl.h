// SPDX-License-Identifier: Apache-2.0
// Dot products of a row of stored weights with rows of floats. Included once per SIMD target.

#if defined(MARLIN_CPU_DOT_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MARLIN_CPU_DOT_ROWS_INL_H_
#undef MARLIN_CPU_DOT_ROWS_INL_H_
#else
#define MARLIN_CPU_DOT_ROWS_INL_H_
#endif

#include <hwy/highway.h>

#include "backends/cpu/kernels/load-inl.h"
#include "base/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

/// y[row * y_stride] = w . x[row] over n elements for kRows rows: each loaded vector of weights serves all of them.
template <abi::MatrixFormat kFormat, int kRows>
HWY_INLINE void dot_rows(const std::uint8_t* w, std::size_t n, const float* x, std::size_t x_stride, float* y,
                         std::size_t y_stride) {
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
    y[row * y_stride] = sum;
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
