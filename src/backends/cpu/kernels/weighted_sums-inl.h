// SPDX-License-Identifier: Apache-2.0
// Weighted sums of stored vectors for a few rows of weights. The result of a row does not depend on what else is summed
// with it. Included once per SIMD target.

#if defined(MARLIN_CPU_WEIGHTED_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MARLIN_CPU_WEIGHTED_SUMS_INL_H_
#undef MARLIN_CPU_WEIGHTED_SUMS_INL_H_
#else
#define MARLIN_CPU_WEIGHTED_SUMS_INL_H_
#endif

#include "backends/cpu/kernels/dot_products-inl.h"  // tile_width
#include "backends/cpu/kernels/load-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

/// y[row][first ..] += sum over n of x[row * x_stride + i] * v[i][first ..], kWidth vectors of lanes.
template <abi::MatrixFormat kFormat, int kRows, int kWidth, typename StoredRows>
HWY_INLINE void add_weighted_tile(const float* x, std::size_t x_stride, StoredRows v, std::size_t n, std::size_t first,
                                  float* const* y) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> sums[kRows][kWidth];
  MARLIN_UNROLL
  for (std::size_t row = 0; row < kRows; ++row) {
    MARLIN_UNROLL
    for (std::size_t i = 0; i < kWidth; ++i) sums[row][i] = hn::LoadU(d, y[row] + first + i * lanes);
  }
  for (std::size_t k = 0; k < n; ++k) {
    const auto stored = v[k];
    hn::Vec<decltype(d)> parts[kWidth];
    MARLIN_UNROLL
    for (std::size_t i = 0; i < kWidth; ++i) {
      parts[i] = load_elements<kFormat>(d, stored, first + i * lanes);
    }
    MARLIN_UNROLL
    for (std::size_t row = 0; row < kRows; ++row) {
      const auto weight = hn::Set(d, x[row * x_stride + k]);
      MARLIN_UNROLL
      for (int i = 0; i < kWidth; ++i) sums[row][i] = hn::MulAdd(parts[i], weight, sums[row][i]);
    }
  }
  MARLIN_UNROLL
  for (std::size_t row = 0; row < kRows; ++row) {
    MARLIN_UNROLL
    for (std::size_t i = 0; i < kWidth; ++i) hn::StoreU(sums[row][i], d, y[row] + first + i * lanes);
  }
}

/// y[row][0 .. width) += sum over n of x[row * x_stride + i] * v[i]. v: rows of `kFormat`.
template <abi::MatrixFormat kFormat, int kRows, typename StoredRows>
HWY_INLINE void add_weighted(const float* x, std::size_t x_stride, StoredRows v, std::size_t n, std::size_t width,
                             float* const* y) {
  const std::size_t lanes = hn::Lanes(hn::ScalableTag<float>());
  constexpr int kWidth = tile_width(kRows);
  std::size_t first = 0;
  for (; first + kWidth * lanes <= width; first += kWidth * lanes) {
    add_weighted_tile<kFormat, kRows, kWidth>(x, x_stride, v, n, first, y);
  }
  for (; first + lanes <= width; first += lanes) {
    add_weighted_tile<kFormat, kRows, 1>(x, x_stride, v, n, first, y);
  }
  for (; first < width; ++first) {
    for (std::size_t row = 0; row < kRows; ++row) {
      for (std::size_t k = 0; k < n; ++k) {
        y[row][first] += x[row * x_stride + k] * load_element<kFormat>(v[k], first);
      }
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
