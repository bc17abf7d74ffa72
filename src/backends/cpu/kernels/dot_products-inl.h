// SPDX-License-Identifier: Apache-2.0
// Dot products of a few rows of floats with a few rows of stored numbers. The result of a pair does not depend on what
// else is multiplied with it. Included once per SIMD target.

#if defined(MARLIN_CPU_DOT_PRODUCTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MARLIN_CPU_DOT_PRODUCTS_INL_H_
#undef MARLIN_CPU_DOT_PRODUCTS_INL_H_
#else
#define MARLIN_CPU_DOT_PRODUCTS_INL_H_
#endif

#include "backends/cpu/kernels/load-inl.h"
#include "backends/cpu/kernels/row_groups.h"
#include "backends/cpu/kernels/stored_rows.h"
#include "backends/cpu/kernels/sum_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

/// Vectors of the second kind that each of the first is multiplied with: registers have to hold a sum for every pair.
constexpr int tile_width(int n_rows) {
  constexpr int kSums = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 20 : 10;
  int width = 1;
  while (2 * width * n_rows <= kSums && width < 8) width *= 2;
  return width;
}

/// y[row * y_stride + i] = x[row] . w[i] over n elements. x: floats at x_stride; w: rows of `kFormat`.
template <abi::MatrixFormat kFormat, int kRows, int kWidth, typename StoredRows>
HWY_INLINE void dot_tile(const float* x, std::size_t x_stride, StoredRows w, std::size_t n, float* y,
                         std::size_t y_stride) {
  const hn::ScalableTag<float> d;
  using Vector = hn::Vec<decltype(d)>;
  Vector sums[kRows * kWidth];
  MARLIN_UNROLL
  for (int row = 0; row < kRows; ++row) {
    MARLIN_UNROLL
    for (int i = 0; i < kWidth; ++i) sums[row * kWidth + i] = hn::Zero(d);
  }
  std::size_t k = 0;
  for (; k + hn::Lanes(d) <= n; k += hn::Lanes(d)) {
    Vector parts[kWidth];
    MARLIN_UNROLL
    for (std::size_t i = 0; i < kWidth; ++i) {
      parts[i] = load_elements<kFormat>(d, w[i], k);
    }
    MARLIN_UNROLL
    for (std::size_t row = 0; row < kRows; ++row) {
      const auto inputs = hn::LoadU(d, x + row * x_stride + k);
      MARLIN_UNROLL
      for (std::size_t i = 0; i < kWidth; ++i) {
        sums[row * kWidth + i] = hn::MulAdd(parts[i], inputs, sums[row * kWidth + i]);
      }
    }
  }
  float totals[kRows * kWidth + kMaxFloatLanes];
  sum_lanes<kRows * kWidth>(sums, totals);
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t i = 0; i < kWidth; ++i) {
      float total = totals[row * kWidth + i];
      for (std::size_t rest = k; rest < n; ++rest) {
        total += load_element<kFormat>(w[i], rest) * x[row * x_stride + rest];
      }
      y[row * y_stride + i] = total;
    }
  }
}

/// The same for n_outputs of w.
template <abi::MatrixFormat kFormat, int kRows, typename StoredRows>
HWY_INLINE void dot_outputs(const float* x, std::size_t x_stride, StoredRows w, std::size_t n_outputs, std::size_t n,
                            float* y, std::size_t y_stride) {
  constexpr std::size_t kWidth = tile_width(kRows);
  std::size_t i = 0;
  for (; i + kWidth <= n_outputs; i += kWidth) {
    dot_tile<kFormat, kRows, kWidth>(x, x_stride, w.from(i), n, y + i, y_stride);
  }
  for (; i < n_outputs; ++i) dot_tile<kFormat, kRows, 1>(x, x_stride, w.from(i), n, y + i, y_stride);
}

/// y[n_rows][n_outputs] = x w^T for a matrix w that lies without gaps, n numbers to an output.
template <abi::MatrixFormat kFormat>
HWY_INLINE void multiply_dense(const float* x, std::size_t x_stride, std::uint32_t n_rows, const std::uint8_t* w,
                               std::size_t n_outputs, std::size_t n, float* y, std::size_t y_stride) {
  in_groups_of_rows(n_rows, [&]<int kRows>(std::size_t row) {
    dot_outputs<kFormat, kRows>(x + row * x_stride, x_stride, EvenRows{w, n * kElementBytes<kFormat>}, n_outputs, n,
                                y + row * y_stride, y_stride);
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
