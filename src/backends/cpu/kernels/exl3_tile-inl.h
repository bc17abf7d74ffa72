// SPDX-License-Identifier: Apache-2.0
// Cuts the states out of EXL3 tiles and decodes those of 3INST and MCG to float vectors; MUL1 has
// exl3_byte_sums-inl.h. Included once per SIMD target.
//
// A tile is a ring of 256 states cut from a bit stream (src/trellis/tile.h). Lane l of the format's 32 lanes owns
// stream bits 8lK .. 8(l+1)K: its 8 weights j = 0..7 lie in columns l/4 (j < 4) and l/4 + 8, in rows 2(l%4) + {0, 1, 8,
// 9}[j % 4]. A vector here holds weight j of N consecutive lanes. Its states are 16-bit windows that end (j+1)K bits
// into each lane's part; a 32-bit big-endian window covers several j. Four lanes (a 128-bit block) find the bytes of
// one such window within 16 or 32 bytes of the tile, so a window costs one or two unaligned loads and byte shuffles for
// all lanes of a block.

#if defined(MARLIN_CPU_EXL3_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MARLIN_CPU_EXL3_TILE_INL_H_
#undef MARLIN_CPU_EXL3_TILE_INL_H_
#else
#define MARLIN_CPU_EXL3_TILE_INL_H_
#endif

#include <hwy/highway.h>

#include "abi/matrix.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using TileFloats = hn::ScalableTag<float>;
using TileWords = hn::ScalableTag<std::uint32_t>;
using TileBytes = hn::ScalableTag<std::uint8_t>;
inline constexpr int kTileLanes = HWY_MAX_BYTES >= 64 ? 16 : HWY_MAX_BYTES / 4;  // N
inline constexpr int kTileGroups = 32 / kTileLanes;                              // vectors that hold weight j of a tile

/// The window of weight j ends at stream byte lK + end_byte; each covers the 17 ends up to its own.
template <int K>
constexpr int window_end_byte(int j) {
  int end_byte = 2 + K / 8;
  for (int i = 0; i <= j; ++i) {
    const int end_bit = K * (i + 1);
    if (end_bit > 8 * end_byte) end_byte = 2 + end_bit / 8;
  }
  return end_byte;
}

/// First 32-bit word of the tile that part `part` (16 bytes) of block `block` loads; -1 = the wrapped first word.
template <int K>
constexpr int load_word(int end_byte, int part, int block) {
  const int word = block * K + end_byte / 4 - 1 + 4 * part;
  return word > 8 * K - 4 ? 8 * K - 4 : word;
}

template <int K>
constexpr int window_parts(int end_byte) {
  return (3 * K + end_byte - 1) / 4 - end_byte / 4 + 2 > 4 ? 2 : 1;
}

/// Place of stream byte `stream` within the 16 bytes loaded at `word`, or -1.
template <int K>
constexpr int place_in_load(int stream, int word) {
  const int address = (stream < 0 ? stream + 32 * K : stream) ^ 3;
  const int place = word < 0 && stream < 0 ? address - 4 * (8 * K - 1) : address - 4 * word;
  return place >= 0 && place < 16 && stream < 32 * K ? place : -1;
}

/// Shuffle of part `kPart`: byte b (0 = least significant) of lane l is stream byte lK + end_byte - 1 - b; 0x80 gives
/// zero.
template <int K, int kEndByte, int kPart, int kGroup>
struct WindowShuffle {
  struct Table {
    alignas(64) std::uint8_t index[4 * kTileLanes];
  };
  static constexpr Table make() {
    Table table{};
    for (int i = 0; i < 4 * kTileLanes; ++i) {
      const int block = kGroup * (kTileLanes / 4) + i / 16;
      const int lane = 4 * block + i % 16 / 4;
      const int stream = lane * K + kEndByte - 1 - i % 4;
      const int first = place_in_load<K>(stream, load_word<K>(kEndByte, 0, block));
      const int place = kPart == 0  ? first
                        : first < 0 ? place_in_load<K>(stream, load_word<K>(kEndByte, 1, block))
                                    : -1;
      table.index[i] = static_cast<std::uint8_t>(place < 0 ? 0x80 : place);
    }
    return table;
  }
  static constexpr Table kTable = make();
};

template <int K, int kEndByte, int kPart, int kBlock>
HWY_INLINE hn::Vec<hn::Full128<std::uint8_t>> load_block(const std::uint8_t* tile) {
  const hn::Full128<std::uint8_t> d;
  constexpr int kWord = load_word<K>(kEndByte, kPart, kBlock);
  if constexpr (kWord < 0) {  // words 8K-1, 0, 1, 2
    return hn::CombineShiftRightBytes<12>(d, hn::LoadU(d, tile), hn::LoadU(d, tile + 4 * (8 * K - 4)));
  } else {
    return hn::LoadU(d, tile + 4 * kWord);
  }
}

#if HWY_TARGET == HWY_AVX3
/// Where the 16 words of load_blocks() lie in the first and the last 64 bytes of the tile, counted on.
template <int K, int kEndByte, int kPart, int kGroup>
struct BlockWords {
  struct Table {
    alignas(64) std::uint32_t index[16];
  };
  static constexpr Table make() {
    Table table{};
    for (int i = 0; i < 16; ++i) {
      const int word = load_word<K>(kEndByte, kPart, 4 * kGroup + i / 4) + i % 4;
      const int wrapped = word < 0 ? word + 8 * K : word;
      table.index[i] = static_cast<std::uint32_t>(wrapped < 16 ? wrapped : 16 + wrapped - (8 * K - 16));
    }
    return table;
  }
  static constexpr Table kTable = make();
};
#endif

template <int K, int kEndByte, int kPart, int kGroup>
HWY_INLINE hn::Vec<TileBytes> load_blocks(const std::uint8_t* tile) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (K >= 2 && K <= 4) {  // the tile fits two vectors, and one permutation costs less than four loads
    const auto index = hn::Load(TileWords(), BlockWords<K, kEndByte, kPart, kGroup>::kTable.index);
    const auto first = hn::LoadU(TileBytes(), tile);
    const auto last = hn::LoadU(TileBytes(), tile + 32 * K - 64);
    return hn::Vec<TileBytes>{_mm512_permutex2var_epi32(first.raw, index.raw, last.raw)};
  }
#endif
  if constexpr (kTileLanes == 4) {
    return load_block<K, kEndByte, kPart, kGroup>(tile);
  }
#if HWY_MAX_BYTES >= 32
  if constexpr (kTileLanes == 8) {
    return hn::Combine(TileBytes(), load_block<K, kEndByte, kPart, 2 * kGroup + 1>(tile),
                       load_block<K, kEndByte, kPart, 2 * kGroup>(tile));
  }
#endif
#if HWY_MAX_BYTES >= 64
  if constexpr (kTileLanes == 16) {
    const hn::Half<TileBytes> half;
    return hn::Combine(TileBytes(),
                       hn::Combine(half, load_block<K, kEndByte, kPart, 4 * kGroup + 3>(tile),
                                   load_block<K, kEndByte, kPart, 4 * kGroup + 2>(tile)),
                       hn::Combine(half, load_block<K, kEndByte, kPart, 4 * kGroup + 1>(tile),
                                   load_block<K, kEndByte, kPart, 4 * kGroup>(tile)));
  }
#endif
}

template <int K, int kEndByte, int kPart, int kGroup>
HWY_INLINE hn::Vec<TileBytes> shuffled_part(const std::uint8_t* tile) {
  const auto index = hn::Load(TileBytes(), WindowShuffle<K, kEndByte, kPart, kGroup>::kTable.index);
  return hn::TableLookupBytesOr0(load_blocks<K, kEndByte, kPart, kGroup>(tile), index);
}

/// The 32 stream bits that end at byte lK + kEndByte of each lane l of the group.
template <int K, int kEndByte, int kGroup>
HWY_INLINE hn::Vec<TileWords> window(const std::uint8_t* tile) {
  auto bytes = shuffled_part<K, kEndByte, 0, kGroup>(tile);
  if constexpr (window_parts<K>(kEndByte) == 2) {
    bytes = hn::Or(bytes, shuffled_part<K, kEndByte, 1, kGroup>(tile));
  }
  return hn::BitCast(TileWords(), bytes);
}

/// The binary16 number in the high half of each word after the codebook's mask and flip (0x8FFF, 0x3B60). They leave
/// exponents of 12 to 15, so shifting the word puts all but the upper six bits of the exponent where a float has them.
HWY_INLINE hn::Vec<TileFloats> masked_half_to_float(hn::Vec<TileWords> v) {
  const TileWords d;
  const auto shifted = hn::BitCast(d, hn::ShiftRight<3>(hn::BitCast(hn::RebindToSigned<TileWords>(), v)));
  return hn::BitCast(TileFloats(), hn::Xor(hn::And(shifted, hn::Set(d, 0x81FFE000U)), hn::Set(d, 0x3F6C0000U)));
}

/// States -> weights, exact but for the rounding of the sum to binary16, which is left out: it would cost a third more
/// and moves a weight by 3e-4 of the weights' RMS.
template <abi::TrellisCodebook kCodebook>
HWY_INLINE hn::Vec<TileFloats> codebook_values(hn::Vec<TileWords> states) {
  static_assert(kCodebook != abi::TrellisCodebook::kMul1, "has integers of its own");
  const TileWords d;
  const auto x = kCodebook == abi::TrellisCodebook::kMcg
                     ? hn::Mul(states, hn::Set(d, 0xCBAC1FEDU))
                     : hn::Add(hn::Mul(states, hn::Set(d, 89226354U)), hn::Set(d, 64248484U));
  return hn::Add(masked_half_to_float(x), masked_half_to_float(hn::ShiftLeft<16>(x)));
}

template <int K, abi::TrellisCodebook kCodebook, int kGroup, int J>
HWY_INLINE void decode_from(const std::uint8_t* tile, hn::Vec<TileWords> bits, hn::Vec<TileFloats>* values) {
  constexpr int kEndByte = window_end_byte<K>(J);
  if constexpr (J == 0 || kEndByte != window_end_byte<K>(J - 1)) bits = window<K, kEndByte, kGroup>(tile);
  const auto states = hn::And(hn::ShiftRight<8 * kEndByte - K*(J + 1)>(bits), hn::Set(TileWords(), 0xFFFFU));
  values[J] = codebook_values<kCodebook>(states);
  if constexpr (J < 7) decode_from<K, kCodebook, kGroup, J + 1>(tile, bits, values);
}

/// values[j] = weight j of lanes kGroup * N .. kGroup * N + N - 1 of the tile (32 K bytes, any alignment).
template <int K, abi::TrellisCodebook kCodebook, int kGroup>
HWY_INLINE void decode_group(const std::uint8_t* tile, hn::Vec<TileFloats>* values) {
  decode_from<K, kCodebook, kGroup, 0>(tile, hn::Undefined(TileWords()), values);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
