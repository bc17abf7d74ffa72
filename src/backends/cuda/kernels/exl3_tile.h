// SPDX-License-Identifier: Apache-2.0
// EXL3 tiles as a warp decodes them: straight into the fragments of a matrix product whose A operand is the weights
// (M = the tile's 16 outputs, K = its 16 inputs). A lane decodes stream positions 8 lane .. + 7; their windows lie in
// the 7 bits + 16 stream bits that end at bit 8 bits (lane + 1). Those are in two words of the tile (bits <= 4) or
// three: a lane loads the last one (or two) and gets the one before from the lane that has loaded it.
//
// The unit of work is a strip: the 8 tiles of one tile column that belong to 128 inputs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cuda/kernels/exl3_codebook.h"
#include "backends/cuda/kernels/load.h"
#include "backends/cuda/kernels/reduce.h"

namespace marlin::cuda {

inline constexpr std::uint32_t kStripTiles = 8;

/// A little-endian word at any address; `aligned`: a multiple of 4. Weights are read once: other data may stay in L1.
__device__ inline std::uint32_t load_weight_word(const std::byte* address, bool aligned) {
  return aligned ? __ldcs(reinterpret_cast<const unsigned int*>(address)) : load_u32_bytes(address);
}

constexpr std::uint32_t tile_bytes(std::uint32_t bits) { return 32 * bits; }

/// The words of a strip that one lane loads: of each tile the last one it needs, for more than 4 bits also the one
/// before that.
struct StripWords {
  std::uint32_t words[kStripTiles][2];
};

/// Where a lane's bits are in every tile. With constant bits the compiler folds what follows from them.
struct TileLane {
  std::uint32_t bits;
  std::uint32_t last_word;  // index within the tile
  std::uint32_t shift;      // bits of last_word behind the lane's own
  std::uint32_t source;     // the lane that hands over a word
  bool hands_last;          // bits > 4: the next lane needs this one's last word, not the one before

  __device__ TileLane(std::uint32_t tile_bits, std::uint32_t lane) : bits(tile_bits) {
    const std::uint32_t end = 8 * bits * (lane + 1);
    last_word = (end - 1) / 32;
    shift = 32 * (last_word + 1) - end;
    source = ((bits > 4 ? lane : 4 * last_word / bits) + 31) % 32;
    hands_last = (end + 8 * bits - 1) / 32 == last_word + 2;
  }

  /// `strip`: the first of 8 tiles, row_bytes (a row of tiles of the matrix) apart.
  __device__ void load(StripWords& out, const std::byte* strip, std::uint32_t row_bytes, bool aligned) const {
    const std::byte* own = strip + 4 * last_word;
    if (aligned) {
      load_words<true>(out, own, row_bytes);
    } else {
      load_words<false>(out, own, row_bytes);
    }
  }

 private:
  template <bool kAligned>
  __device__ void load_words(StripWords& out, const std::byte* own, std::uint32_t row_bytes) const {
#pragma unroll
    for (std::uint32_t t = 0; t < kStripTiles; ++t) {
      const std::byte* word = own + std::uint64_t{t} * row_bytes;
      out.words[t][0] = load_weight_word(word, kAligned);
      if (bits > 4) out.words[t][1] = load_weight_word(word - 4, kAligned);
    }
  }
};

/// The state whose lowest bit is bit kShift of a lane's bits, of which stream[0] has the last 32. What several windows
/// of a lane are shifted by is written so that the compiler shifts once: by kShift % 8, then whole bytes are taken.
template <std::uint32_t kShift>
__device__ inline std::uint32_t state_at(const std::uint32_t (&stream)[3]) {
  constexpr std::uint32_t kWord = kShift / 32;
  constexpr std::uint32_t kBit = kShift % 32;
  constexpr std::uint32_t kRest = kBit % 8;
  if constexpr (kBit == 16) {
    return stream[kWord] >> 16;
  } else if constexpr (kBit - kRest > 16) {
    return __funnelshift_r(stream[kWord], stream[kWord + 1], kBit) & 0xFFFFU;
  } else {
    const std::uint32_t word = kRest == 0 ? stream[kWord] : __funnelshift_r(stream[kWord], stream[kWord + 1], kRest);
    constexpr std::uint32_t kByte = kBit / 8;
    return __byte_perm(word, 0, 0x4400U | (kByte + 1) << 4 | kByte);
  }
}

/// a: the weights of a tile as the A fragment of mma_m16n8k16; `mask`: pair_mask(). Needs the whole warp.
template <std::uint32_t kBits, abi::TrellisCodebook kCodebook>
__device__ inline void decode_tile(const TileLane& lane, const std::uint32_t (&words)[2], std::uint32_t mask,
                                   std::uint32_t (&a)[4]) {
  std::uint32_t stream[3] = {words[0], 0, 0};  // the 32 bits that end where the lane's own do, and those before
  if constexpr (kBits > 4) {
    stream[1] = words[1];
    stream[2] = __shfl_sync(kAllLanes, lane.hands_last ? words[0] : words[1], lane.source);
  } else {
    stream[1] = __shfl_sync(kAllLanes, words[0], lane.source);
  }
  if constexpr (kBits % 4 != 0) {  // else they end with a word
    stream[0] = __funnelshift_r(stream[0], stream[1], lane.shift);
    stream[1] = __funnelshift_r(stream[1], stream[2], lane.shift);
    stream[2] >>= lane.shift;
  }
  a[0] = weight_pair<kCodebook>(state_at<7 * kBits>(stream), state_at<6 * kBits>(stream), mask);
  a[2] = weight_pair<kCodebook>(state_at<5 * kBits>(stream), state_at<4 * kBits>(stream), mask);
  a[1] = weight_pair<kCodebook>(state_at<3 * kBits>(stream), state_at<2 * kBits>(stream), mask);
  a[3] = weight_pair<kCodebook>(state_at<kBits>(stream), state_at<0>(stream), mask);
}

template <std::uint32_t kBits, abi::TrellisCodebook kCodebook>
__device__ inline void decode_strip(const TileLane& lane, const StripWords& strip, std::uint32_t mask,
                                    std::uint32_t (&a)[kStripTiles][4]) {
#pragma unroll
  for (std::uint32_t t = 0; t < kStripTiles; ++t) decode_tile<kBits, kCodebook>(lane, strip.words[t], mask, a[t]);
}

}  // namespace marlin::cuda
