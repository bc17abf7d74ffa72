// SPDX-License-Identifier: Apache-2.0
// The 128-point Hadamard transform of EXL3 layers. Included once per SIMD target.

#if defined(MARLIN_CPU_HADAMARD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MARLIN_CPU_HADAMARD_INL_H_
#undef MARLIN_CPU_HADAMARD_INL_H_
#else
#define MARLIN_CPU_HADAMARD_INL_H_
#endif

#include <hwy/highway.h>

#include "backends/cpu/kernels/load-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr std::size_t kHadamardSize = 128;
inline constexpr float kHadamardScale = 0.088388347648F;  // 1 / sqrt(128)

/// One butterfly stage between elements `stride` apart, stride a multiple of the vector length.
template <class D>
HWY_INLINE void hadamard_stage(D d, float* values, std::size_t stride) {
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t base = 0; base < kHadamardSize; base += 2 * stride) {
    for (std::size_t i = base; i < base + stride; i += lanes) {
      const auto a = hn::LoadU(d, values + i);
      const auto b = hn::LoadU(d, values + i + stride);
      hn::StoreU(hn::Add(a, b), d, values + i);
      hn::StoreU(hn::Sub(a, b), d, values + i + stride);
    }
  }
}

/// values[128] <- H values, Sylvester order, unnormalised, in place.
HWY_INLINE void hadamard128(float* values) {
  const hn::Full128<float> d4;
  alignas(16) static constexpr float kSigns1[4] = {1.0F, -1.0F, 1.0F, -1.0F};
  alignas(16) static constexpr float kSigns2[4] = {1.0F, 1.0F, -1.0F, -1.0F};
  const auto signs1 = hn::Load(d4, kSigns1);
  const auto signs2 = hn::Load(d4, kSigns2);
  for (std::size_t i = 0; i < kHadamardSize; i += 4) {
    auto v = hn::LoadU(d4, values + i);
    v = hn::MulAdd(v, signs1, hn::Shuffle2301(v));
    v = hn::MulAdd(v, signs2, hn::Shuffle1032(v));
    hn::StoreU(v, d4, values + i);
  }
  const hn::ScalableTag<float> d;
  for (std::size_t stride = 4; stride < kHadamardSize; stride *= 2) {
    if (stride < hn::Lanes(d)) {
      hadamard_stage(d4, values, stride);
    } else {
      hadamard_stage(d, values, stride);
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
