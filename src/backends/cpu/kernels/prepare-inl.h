// SPDX-License-Identifier: Apache-2.0
// The input side of EXL3 layers: scales, Hadamard transform, and the form in which the products want it. Included once
// per SIMD target.

#if defined(MARLIN_CPU_PREPARE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MARLIN_CPU_PREPARE_INL_H_
#undef MARLIN_CPU_PREPARE_INL_H_
#else
#define MARLIN_CPU_PREPARE_INL_H_
#endif

#include <cstring>
#include <limits>

#include "backends/cpu/kernels/exl3_integers.h"
#include "backends/cpu/kernels/hadamard-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

/// The order in which the lanes of a tile meet its 16 inputs.
inline constexpr std::uint8_t kTileOrder[16] = {0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15};

/// Largest magnitude of 128 values; NaN if one is not finite.
HWY_INLINE float largest_magnitude(const float* values) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  auto largest = hn::Zero(di);  // as integers, where a NaN is larger than all else
  for (std::size_t i = 0; i < kHadamardSize; i += hn::Lanes(d)) {
    largest = hn::Max(largest, hn::BitCast(di, hn::Abs(hn::LoadU(d, values + i))));
  }
  const float magnitude = hn::GetLane(hn::BitCast(d, hn::MaxOfLanes(di, largest)));
  return magnitude <= std::numeric_limits<float>::max() ? magnitude : std::numeric_limits<float>::quiet_NaN();
}

HWY_INLINE void to_integers(const float* values, float* out) {
  IntegerRun run;
  const float largest = largest_magnitude(values);
  // what is smaller would need a factor beyond the range of float
  const float factor = largest < 0x1p-100F ? 0.0F : kIntegerInputs / largest;
  const float step = largest / kIntegerInputs;
  const hn::Full128<float> d;
  const hn::Full128<std::int32_t> di;
  const hn::Rebind<std::int16_t, decltype(di)> d16;
  auto pair_sums = hn::Zero(di);
  for (std::size_t i = 0; i < kHadamardSize; i += 8) {
    const auto low = hn::NearestInt(hn::Mul(hn::LoadU(d, values + i), hn::Set(d, factor)));
    const auto high = hn::NearestInt(hn::Mul(hn::LoadU(d, values + i + 4), hn::Set(d, factor)));
    hn::StoreU(hn::DemoteTo(d16, low), d16, run.x + i);
    hn::StoreU(hn::DemoteTo(d16, high), d16, run.x + i + 4);
    pair_sums = hn::Add(pair_sums, hn::Add(hn::ConcatEven(di, high, low), hn::ConcatOdd(di, high, low)));
  }
  hn::StoreU(hn::Mul(pair_sums, hn::Set(di, -kByteSumCentre)), di, run.centring);
  run.scale = step * kByteSumStep;
  run.remainder = static_cast<float>(hn::GetLane(hn::SumOfLanes(di, pair_sums))) * step * kByteSumRest;
  std::memcpy(out, &run, sizeof(run));
}

/// 128 inputs of an EXL3 layer: values (destroyed) times suh (f16 at `scales`), transformed, to `out`: for MUL1 an
/// IntegerRun, else floats in tile order.
HWY_INLINE void prepare_inputs128(float* values, const std::uint8_t* scales, abi::TrellisCodebook codebook,
                                  float* out) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto normalise = hn::Set(d, kHadamardScale);
  for (std::size_t i = 0; i < kHadamardSize; i += lanes) {
    const auto scale = hn::Mul(load_elements<abi::MatrixFormat::kF16>(d, scales + 2 * i), normalise);
    hn::StoreU(hn::Mul(hn::LoadU(d, values + i), scale), d, values + i);
  }
  hadamard128(values);
  if (codebook == abi::TrellisCodebook::kMul1) return to_integers(values, out);
  for (std::size_t group = 0; group < kHadamardSize; group += 16) {
    for (std::size_t i = 0; i < 16; ++i) out[group + i] = values[group + kTileOrder[i]];
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
