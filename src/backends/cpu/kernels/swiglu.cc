// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/kernels/swiglu.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/swiglu.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// clang-format off
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>  // not before foreach_target.h
// clang-format on

#include "backends/cpu/kernels/prepare-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

/// x / (1 + exp(-x)). Below -87 exp overflows: there silu is 0 to float precision of any product it can enter.
HWY_INLINE hn::Vec<hn::ScalableTag<float>> silu(hn::Vec<hn::ScalableTag<float>> x) {
  const hn::ScalableTag<float> d;
  const auto e = hn::Exp(d, hn::Neg(hn::Max(x, hn::Set(d, -87.0F))));
  return hn::Div(x, hn::Add(hn::Set(d, 1.0F), e));
}

void swiglu_block_target(const abi::Matrix& down, float* gate, const float* up, std::uint32_t n_rows,
                         std::uint32_t block, float* inner, std::size_t inner_stride) {
  const hn::ScalableTag<float> d;
  const std::size_t first = std::size_t{block} * kHadamardSize;
  const bool is_exl3 = down.format == abi::MatrixFormat::kExl3;
  const auto* scales = reinterpret_cast<const std::uint8_t*>(down.input_scale) + 2 * first;
  for (std::size_t row = 0; row < n_rows; ++row) {
    float* values = gate + row * kHadamardSize;
    const float* factors = up + row * kHadamardSize;
    for (std::size_t i = 0; i < kHadamardSize; i += hn::Lanes(d)) {
      hn::StoreU(hn::Mul(silu(hn::LoadU(d, values + i)), hn::LoadU(d, factors + i)), d, values + i);
    }
    float* out = inner + row * inner_stride + first;
    if (is_exl3) {
      prepare_inputs128(values, scales, down.codebook, out);
    } else {
      std::copy(values, values + std::min(kHadamardSize, down.n_in - first), out);
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace marlin::cpu {

HWY_EXPORT(swiglu_block_target);

void swiglu_block(const abi::Matrix& down, float* gate, const float* up, std::uint32_t n_rows, std::uint32_t block,
                  float* inner, std::size_t inner_stride) {
  HWY_DYNAMIC_DISPATCH(swiglu_block_target)(down, gate, up, n_rows, block, inner, inner_stride);
}

}  // namespace marlin::cpu
#endif
