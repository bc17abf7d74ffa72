// SPDX-License-Identifier: Apache-2.0
// Loads of stored numbers as float vectors, from any alignment (tensors of published files start anywhere). Included
// once per SIMD target by the kernels.

#if defined(MARLIN_CPU_LOAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MARLIN_CPU_LOAD_INL_H_
#undef MARLIN_CPU_LOAD_INL_H_
#else
#define MARLIN_CPU_LOAD_INL_H_
#endif

#include <hwy/highway.h>

#include <cstring>

#include "abi/cache_vector.h"
#include "backends/cpu/kernels/stored_rows.h"
#include "base/half.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <abi::MatrixFormat kFormat>
inline constexpr std::size_t kElementBytes = kFormat == abi::MatrixFormat::kF32 ? 4 : 2;

/// Lanes(d) consecutive elements starting at `bytes`.
template <abi::MatrixFormat kFormat, class D>
HWY_INLINE hn::Vec<D> load_elements(D d, const std::uint8_t* bytes) {
  const hn::Repartition<std::uint8_t, D> d8;
  if constexpr (kFormat == abi::MatrixFormat::kF32) {
    return hn::BitCast(d, hn::LoadU(d8, bytes));
  } else {
    const hn::Rebind<std::uint16_t, D> d16;
    const hn::Repartition<std::uint8_t, decltype(d16)> d16_bytes;
    const auto raw = hn::BitCast(d16, hn::LoadU(d16_bytes, bytes));
    if constexpr (kFormat == abi::MatrixFormat::kF16) {
      return hn::PromoteTo(d, hn::BitCast(hn::Rebind<hwy::float16_t, D>(), raw));
    } else {
      return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(hn::RebindToUnsigned<D>(), raw)));
    }
  }
}

template <abi::MatrixFormat kFormat>
HWY_INLINE float load_element(const std::uint8_t* bytes) {
  if constexpr (kFormat == abi::MatrixFormat::kF32) {
    float value;
    std::memcpy(&value, bytes, sizeof(value));
    return value;
  } else {
    std::uint16_t bits;
    std::memcpy(&bits, bytes, sizeof(bits));
    return kFormat == abi::MatrixFormat::kF16 ? half_to_float(bits) : bfloat16_to_float(bits);
  }
}

/// Lanes(d) elements of a row, from element k on.
template <abi::MatrixFormat kFormat, class D>
HWY_INLINE hn::Vec<D> load_elements(D d, const std::uint8_t* row, std::size_t k) {
  return load_elements<kFormat>(d, row + k * kElementBytes<kFormat>);
}

template <abi::MatrixFormat kFormat>
HWY_INLINE float load_element(const std::uint8_t* row, std::size_t k) {
  return load_element<kFormat>(row + k * kElementBytes<kFormat>);
}

HWY_INLINE float load_scale(const ScaledRow& row, std::size_t k) {
  return load_element<abi::MatrixFormat::kF32>(row.scales, k / abi::kScaleGroup);
}

/// The same of an 8-bit cache; k is a multiple of Lanes(d).
template <abi::MatrixFormat kFormat, class D>
HWY_INLINE hn::Vec<D> load_elements(D d, const ScaledRow& row, std::size_t k) {
  static_assert(kFormat == abi::MatrixFormat::kInt8 && abi::kNumberUnit % hn::MaxLanes(D()) == 0);
  const auto numbers = hn::LoadU(hn::Rebind<std::int8_t, D>(), row.numbers + k);
  return hn::Mul(hn::ConvertTo(d, hn::PromoteTo(hn::RebindToSigned<D>(), numbers)), hn::Set(d, load_scale(row, k)));
}

template <abi::MatrixFormat kFormat>
HWY_INLINE float load_element(const ScaledRow& row, std::size_t k) {
  return static_cast<float>(row.numbers[k]) * load_scale(row, k);
}

/// v as binary16 bits, rounded to nearest even.
template <class D>
HWY_INLINE hn::Vec<hn::Rebind<std::uint16_t, D>> to_half_bits([[maybe_unused]] D d, hn::Vec<D> v) {
  const hn::Rebind<std::uint16_t, D> d16;
#if HWY_TARGET == HWY_SSE4  // no instruction for it, and Highway 1.0.3 truncates instead of rounding
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, v);
  const auto magnitude = hn::And(bits, hn::Set(di, 0x7FFFFFFF));
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(di, 0x8000));
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(di, 1));
  auto half = hn::ShiftRight<13>(hn::Add(hn::Add(magnitude, odd), hn::Set(di, 0xFFF - (112 << 23))));
  // subnormal: the spacing of floats just above 0.5 is that of subnormal halves, so the addition rounds
  const auto above_half = hn::Add(hn::BitCast(d, magnitude), hn::Set(d, 0.5F));
  const auto subnormal = hn::Sub(hn::BitCast(di, above_half), hn::Set(di, 0x3F000000));
  half = hn::IfThenElse(hn::Lt(magnitude, hn::Set(di, 0x38800000)), subnormal, half);
  half = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, 0x477FEFFF)), hn::Set(di, 0x7C00), half);
  half = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, 0x7F800000)), hn::Set(di, 0x7E00), half);
  return hn::DemoteTo(d16, hn::Or(half, sign));
#else
  return hn::BitCast(d16, hn::DemoteTo(hn::Rebind<hwy::float16_t, D>(), v));
#endif
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
