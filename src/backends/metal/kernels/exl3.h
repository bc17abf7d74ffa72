// SPDX-License-Identifier: Apache-2.0
// MSL only. What kernels share of the EXL3 format: the 128-point Hadamard transform, the order of inputs within a tile,
// the codebooks, and a simdgroup's decoder of tiles. `bits` and `codebook` are ordinary values here: where they are
// function constants, the compiler folds every branch and shift on them; where they come from an expert table they are
// the same for a whole simdgroup.
#pragma once

#include <metal_stdlib>

#include "abi/matrix.h"
#include "backends/metal/kernels/load.h"

// Loops over registers must be unrolled, or the registers become memory.
#define MARLIN_UNROLL _Pragma("clang loop unroll(full)")

namespace marlin {

constant float kHadamardScale = 0.088388347648f;  // 1 / sqrt(128)

/// A simdgroup's 128 values, value lane + 32 r in component r <- H values (Sylvester order, unnormalised).
METAL_FUNC float4 hadamard128(float4 v, uint lane) {
  for (uint mask = 1; mask < 32; mask *= 2) {
    const float4 other = metal::simd_shuffle_xor(v, ushort(mask));
    v = (lane & mask) != 0 ? other - v : v + other;
  }
  v = float4(v.x + v.y, v.x - v.y, v.z + v.w, v.z - v.w);
  return float4(v.x + v.z, v.y + v.w, v.x - v.z, v.y - v.w);
}

/// Place of input i in tile order (abi/matmul.h).
METAL_FUNC uint tile_place(uint i) { return (i & ~7u) + (i & 7u) / 2 + 4 * (i & 1u); }

/// A little-endian word at any address, which is a multiple of 4 if `aligned`.
METAL_FUNC uint load_word(const device uchar* bytes, bool aligned) {
  return aligned ? *reinterpret_cast<const device uint*>(bytes) : load_uint_bytes(bytes);
}

METAL_FUNC float load_half(const device uchar* bytes, bool aligned) {
  return load_element(bytes, abi::MatrixFormat::kF16, aligned);
}

/// 128 inputs of an EXL3 layer, input lane + 32 r in component r: times suh (f16 at scales), transformed, to `out` in
/// tile order. Needs the whole simdgroup.
METAL_FUNC void transform_inputs128(float4 x, const device uchar* scales, bool aligned, device float* out, uint lane) {
  for (uint r = 0; r < 4; ++r) x[r] *= kHadamardScale * load_half(scales + 2 * (lane + 32 * r), aligned);
  x = hadamard128(x, lane);
  for (uint r = 0; r < 4; ++r) out[tile_place(lane + 32 * r)] = x[r];
}

/// State -> weight, bit for bit: one rounding to binary16 each.
METAL_FUNC half codebook_value(uint state, abi::TrellisCodebook codebook) {
  if (codebook == abi::TrellisCodebook::kMul1) {
    const uint hash = state * 0x83DCD12Du;
    const ushort2 sums = as_type<ushort2>((hash & 0x00FF00FFu) + ((hash >> 8) & 0x00FF00FFu));
    const half b = as_type<half>(ushort(sums.x + sums.y + 0x6400));  // 1024 + the sum of the four bytes
    return metal::fma(b, as_type<half>(ushort(0x1EEE)), as_type<half>(ushort(0xC931)));
  }
  const uint hash = codebook == abi::TrellisCodebook::kMcg ? state * 0xCBAC1FEDu : state * 89226354u + 64248484u;
  const half2 parts = as_type<half2>((hash & 0x8FFF8FFFu) ^ 0x3B603B60u);
  return parts.x + parts.y;
}

/// What one lane of a simdgroup decodes of every tile: stream positions 8 lane .. + 7, whose windows lie in the 7 bits
/// + 16 stream bits that end at bit 8 bits (lane + 1). Those are in two words of the tile (bits <= 4) or three: a lane
/// loads the last one (or two) and gets the one before from the lane that has loaded it.
struct TileLane {
  uint bits;
  abi::TrellisCodebook codebook;
  uint last_word;   // index within the tile
  uint shift;       // bits of last_word behind the lane's own
  ushort source;    // the lane that hands over a word
  bool hands_last;  // bits > 4: whether the next lane needs this one's last word, not the one before
};

METAL_FUNC TileLane tile_lane(uint lane, uint bits, abi::TrellisCodebook codebook) {
  const uint end = 8 * bits * (lane + 1);
  TileLane tile;
  tile.bits = bits;
  tile.codebook = codebook;
  tile.last_word = (end - 1) / 32;
  tile.shift = 32 * (tile.last_word + 1) - end;
  tile.source = ushort(((bits > 4 ? lane : 4 * tile.last_word / bits) + 31) % 32);
  tile.hands_last = (end + 8 * bits - 1) / 32 == tile.last_word + 2;
  return tile;
}

struct TileWords {
  uint last;
  uint before;  // bits > 4
};

METAL_FUNC TileWords load_tile(const device uchar* tile, TileLane lane, bool aligned) {
  TileWords words;
  words.last = load_word(tile + 4 * lane.last_word, aligned);
  words.before = lane.bits > 4 ? load_word(tile + 4 * (lane.last_word - 1), aligned) : 0u;
  return words;
}

/// values[j] = the weight of stream position 8 lane + j: of inputs m, m + 4, m + 8, m + 12 in tile order, m = lane % 4,
/// of output lane / 4 (j < 4) and lane / 4 + 8. Needs the whole simdgroup.
METAL_FUNC void decode_tile(TileLane lane, TileWords words, thread half* values) {
  uint low = words.last;  // the 32 bits that end where the lane's own do, the 32 before, and those before
  uint high = words.before;
  uint top = 0;
  if (lane.bits > 4) {
    top = metal::simd_shuffle(lane.hands_last ? words.last : words.before, lane.source);
  } else {
    high = metal::simd_shuffle(words.last, lane.source);
  }
  if (lane.bits % 4 != 0 && lane.shift != 0) {
    low = (low >> lane.shift) | (high << (32 - lane.shift));
    high = (high >> lane.shift) | (top << (32 - lane.shift));
    top >>= lane.shift;
  }
  const uint middle = (low >> 16) | (high << 16);
  const uint upper = (high >> 16) | (top << 16);
  MARLIN_UNROLL
  for (uint j = 0; j < 8; ++j) {
    const uint shift = (7 - j) * lane.bits;
    const uint window = shift < 16 ? low : shift < 32 ? middle : shift < 48 ? high : upper;
    values[j] = codebook_value((window >> (shift % 16)) & 0xFFFFu, lane.codebook);
  }
}

}  // namespace marlin
