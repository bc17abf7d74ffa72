// SPDX-License-Identifier: Apache-2.0
// Decodes EXL3 tiles of codebook MUL1 to byte sums (exl3_integers.h), two to a word. Included once per SIMD target.
//
// Weights J and J + 1 of a lane (J even) lie in one column and in neighbouring rows: their states share a word of two
// 16-bit halves, so 16-bit products serve both, and a multiplication of pairs (pmaddwd and its like) adds them up.

#if defined(MARLIN_CPU_EXL3_BYTE_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MARLIN_CPU_EXL3_BYTE_SUMS_INL_H_
#undef MARLIN_CPU_EXL3_BYTE_SUMS_INL_H_
#else
#define MARLIN_CPU_EXL3_BYTE_SUMS_INL_H_
#endif

#include "backends/cpu/kernels/exl3_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

using TileHalves = hn::Repartition<std::uint16_t, TileWords>;
using TilePairs = hn::Repartition<std::int16_t, TileWords>;
using TileSums = hn::RebindToSigned<TileWords>;

/// In each half the sum of its two bytes.
HWY_INLINE hn::Vec<TileHalves> half_byte_sums(hn::Vec<TileHalves> v) {
#if HWY_TARGET == HWY_AVX3
  return hn::Vec<TileHalves>{_mm512_maddubs_epi16(v.raw, _mm512_set1_epi8(1))};
#elif HWY_TARGET == HWY_AVX2
  return hn::Vec<TileHalves>{_mm256_maddubs_epi16(v.raw, _mm256_set1_epi8(1))};
#elif HWY_TARGET == HWY_SSE4
  return hn::Vec<TileHalves>{_mm_maddubs_epi16(v.raw, _mm_set1_epi8(1))};
#elif HWY_TARGET == HWY_NEON
  return hn::Vec<TileHalves>(vpaddlq_u8(vreinterpretq_u8_u16(v.raw)));
#else
  return hn::Add(hn::And(v, hn::Set(TileHalves(), 0xFFU)), hn::ShiftRight<8>(v));
#endif
}

/// States -> b.
HWY_INLINE hn::Vec<TilePairs> byte_sums(hn::Vec<TileHalves> states) {
  const TileHalves d;
  const auto multiplier_low = hn::Set(d, std::uint16_t{0xD12D});
  const auto multiplier_high = hn::Set(d, std::uint16_t{0x83DC});
  const auto low = hn::Mul(states, multiplier_low);
  const auto high = hn::Add(hn::MulHigh(states, multiplier_low), hn::Mul(states, multiplier_high));
  return hn::BitCast(TilePairs(), hn::Add(half_byte_sums(low), half_byte_sums(high)));
}

template <int K, int kGroup, int J>
HWY_INLINE void byte_sums_from(const std::uint8_t* tile, hn::Vec<TileWords> bits, hn::Vec<TilePairs>* pairs) {
  constexpr int kEvenEnd = window_end_byte<K>(J);
  constexpr int kOddEnd = window_end_byte<K>(J + 1);
  constexpr int kEvenShift = 8 * kEvenEnd - K * (J + 1);
  constexpr int kOddShift = 16 - (8 * kOddEnd - K * (J + 2));  // to the left
  if constexpr (J == 0 || kEvenEnd != window_end_byte<K>(J - 1)) bits = window<K, kEvenEnd, kGroup>(tile);
  const auto even = hn::ShiftRight<kEvenShift>(bits);
  if constexpr (kOddEnd != kEvenEnd) bits = window<K, kOddEnd, kGroup>(tile);
  const auto odd = hn::ShiftLeft<kOddShift>(bits);
  const TileHalves d;
  pairs[J / 2] = byte_sums(hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, even)));
  if constexpr (J < 6) byte_sums_from<K, kGroup, J + 2>(tile, bits, pairs);
}

/// pairs[i] = b of weights 2i and 2i + 1 of lanes kGroup * N .. kGroup * N + N - 1 of the tile (32 K bytes).
template <int K, int kGroup>
HWY_INLINE void decode_byte_sums(const std::uint8_t* tile, hn::Vec<TilePairs>* pairs) {
  byte_sums_from<K, kGroup, 0>(tile, hn::Undefined(TileWords()), pairs);
}

/// sums + a.low * b.low + a.high * b.high in each word. kVnni: the processor has AVX512-VNNI, which this target does
/// not imply; the result is the same.
template <bool kVnni>
HWY_INLINE hn::Vec<TileSums> multiply_pairs(hn::Vec<TilePairs> a, hn::Vec<TilePairs> b, hn::Vec<TileSums> sums) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (kVnni) {
    asm("vpdpwssd %2, %1, %0" : "+v"(sums.raw) : "v"(a.raw), "v"(b.raw));
    return sums;
  }
  return hn::Add(sums, hn::Vec<TileSums>{_mm512_madd_epi16(a.raw, b.raw)});
#elif HWY_TARGET == HWY_AVX2
  return hn::Add(sums, hn::Vec<TileSums>{_mm256_madd_epi16(a.raw, b.raw)});
#elif HWY_TARGET == HWY_SSE4
  return hn::Add(sums, hn::Vec<TileSums>{_mm_madd_epi16(a.raw, b.raw)});
#elif HWY_TARGET == HWY_NEON
  const int32x4_t low = vmull_s16(vget_low_s16(a.raw), vget_low_s16(b.raw));
  return hn::Add(sums, hn::Vec<TileSums>(vpaddq_s32(low, vmull_high_s16(a.raw, b.raw))));
#else
  const TileSums d;
  const auto low = [&](auto v) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(d, v))); };
  const auto high = [&](auto v) { return hn::ShiftRight<16>(hn::BitCast(d, v)); };
  return hn::Add(sums, hn::Add(hn::Mul(low(a), low(b)), hn::Mul(high(a), high(b))));
#endif
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
