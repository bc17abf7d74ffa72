// SPDX-License-Identifier: Apache-2.0
// The 128-point Hadamard transform of EXL3 layers and the input side built on it. Included once per SIMD target.

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

/// Place of input i of a 16-group in tile order (see abi/matmul.h).
inline constexpr std::uint8_t kTileOrder[16] = {0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15};

/// 128 inputs of an EXL3 layer: values (destroyed) times suh (f16 at `scales`), transformed, to `out` in tile order.
HWY_INLINE void transform_inputs128(float* values, const std::uint8_t* scales, float* out) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto normalise = hn::Set(d, kHadamardScale);
  for (std::size_t i = 0; i < kHadamardSize; i += lanes) {
    const auto scale = hn::Mul(load_elements<abi::MatrixFormat::kF16>(d, scales + 2 * i), normalise);
    hn::StoreU(hn::Mul(hn::LoadU(d, values + i), scale), d, values + i);
  }
  hadamard128(values);
  for (std::size_t group = 0; group < kHadamardSize; group += 16) {
    for (std::size_t i = 0; i < 16; ++i) out[group + i] = values[group + kTileOrder[i]];
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
