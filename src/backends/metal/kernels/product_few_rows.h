// SPDX-License-Identifier: Apache-2.0
// MSL only. Products of one row (decode) and of up to 16 (prefill4) with a block of 128 outputs of a weight matrix of
// any format, by one threadgroup, whose simdgroups multiply in registers. They leave plain sums in threadgroup memory;
// finished_outputs() makes outputs of them. All loops over simdgroups take any number of them.
#pragma once

#include "backends/metal/kernels/reduce.h"
#include "backends/metal/kernels/weights.h"

namespace marlin {

/// Elements i and i + 1 of a matrix of 2-byte elements, i even.
METAL_FUNC float2 plain_weight_pair(Weights w, ulong i) {
  const uint word = *reinterpret_cast<const device uint*>(w.weights + 2 * i);
  if (w.format == abi::MatrixFormat::kF16) return float2(as_type<half2>(word));
  return float2(as_type<float>(word << 16), as_type<float>(word & 0xFFFF0000u));
}

/// Whether plain_weight_pair() can be had from every row.
METAL_FUNC bool has_pairs(Weights w) {
  return w.format != abi::MatrixFormat::kF32 && w.words_aligned && w.n_in % 2 == 0;
}

/// Adds kCount values of two lanes whose numbers differ in kMask: each keeps half of them, the lane with the bit set
/// the upper half.
template <int kCount, int kMask>
METAL_FUNC void fold(thread float* v, uint lane) {
  const bool upper = (lane & kMask) != 0;
  MARLIN_UNROLL
  for (int i = 0; i < kCount / 2; ++i) {
    const float mine = upper ? v[i + kCount / 2] : v[i];
    const float other = upper ? v[i] : v[i + kCount / 2];
    v[i] = mine + metal::simd_shuffle_xor(other, ushort(kMask));
  }
}

// ---- one row: multiply while decoding

/// partial[simdgroup][128] = the sums over this simdgroup's share of the tiles. It takes all 8 tiles of every n-th tile
/// row: 8 loads in flight, and 4 inputs serve 64 weights.
METAL_FUNC void multiply_row_exl3(Weights w, const device float* x, uint block, threadgroup float* partial,
                                  ThreadPlace t) {
  const TileLane tile_lane_ = tile_lane(t.lane, w.bits, w.codebook);
  const uint tile_bytes = 32 * w.bits;
  const ulong row_bytes = ulong(w.stored_out / 16) * tile_bytes;
  const device uchar* tiles = w.weights + 8 * block * tile_bytes;
  float sums[16];  // [column half][tile column]
  MARLIN_UNROLL
  for (uint i = 0; i < 16; ++i) sums[i] = 0.0f;
  for (uint k = t.simdgroup; k < w.stored_in / 16; k += t.n_simdgroups) {
    TileWords words[8];
    MARLIN_UNROLL
    for (uint c = 0; c < 8; ++c) {
      words[c] = load_tile(tiles + k * row_bytes + c * tile_bytes, tile_lane_, w.words_aligned);
    }
    float inputs[4];
    MARLIN_UNROLL
    for (uint q = 0; q < 4; ++q) inputs[q] = x[16 * k + t.lane % 4 + 4 * q];
    MARLIN_UNROLL
    for (uint c = 0; c < 8; ++c) {
      half values[8];
      decode_tile(tile_lane_, words[c], values);
      MARLIN_UNROLL
      for (uint q = 0; q < 4; ++q) {
        sums[c] = metal::fma(float(values[q]), inputs[q], sums[c]);
        sums[8 + c] = metal::fma(float(values[4 + q]), inputs[q], sums[8 + c]);
      }
    }
  }
  fold<16, 1>(sums, t.lane);
  fold<8, 2>(sums, t.lane);
  threadgroup float* out = partial + 128 * t.simdgroup + 64 * (t.lane / 2 % 2) + 8 * (t.lane % 2) + t.lane / 4;
  MARLIN_UNROLL
  for (uint c = 0; c < 4; ++c) out[16 * c] = sums[c];
}

/// sums[128]: simdgroups take four outputs at a time.
METAL_FUNC void multiply_row_plain(Weights w, const device float* x, uint block, threadgroup float* sums,
                                   ThreadPlace t) {
  for (uint group = t.simdgroup; group < 32 && 128 * block + 4 * group < w.n_out; group += t.n_simdgroups) {
    float v[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    ulong rows[4];
    for (uint r = 0; r < 4; ++r) rows[r] = ulong(metal::min(128 * block + 4 * group + r, w.n_out - 1)) * w.n_in;
    if (has_pairs(w)) {
      for (uint i = 2 * t.lane; i < w.n_in; i += 64) {
        const float2 inputs = float2(x[i], x[i + 1]);
        MARLIN_UNROLL
        for (uint r = 0; r < 4; ++r) {
          const float2 pair = plain_weight_pair(w, rows[r] + i);
          v[r] = metal::fma(pair.x, inputs.x, v[r]);
          v[r] = metal::fma(pair.y, inputs.y, v[r]);
        }
      }
    } else {
      for (uint i = t.lane; i < w.n_in; i += 32) {
        MARLIN_UNROLL
        for (uint r = 0; r < 4; ++r) v[r] = metal::fma(plain_weight(w, rows[r] + i), x[i], v[r]);
      }
    }
    fold<4, 16>(v, t.lane);
    fold<2, 8>(v, t.lane);
    for (ushort mask = 4; mask > 0; mask /= 2) v[0] += metal::simd_shuffle_xor(v[0], mask);
    if (t.lane % 8 == 0) sums[4 * group + t.lane / 8] = v[0];
  }
}

/// What add_row_shares() makes sums[128] of: 128 floats per simdgroup.
METAL_FUNC void multiply_row(Weights w, const device float* x, uint block, threadgroup float* sums, ThreadPlace t) {
  if (is_exl3(w)) {
    multiply_row_exl3(w, x, block, sums, t);
  } else {
    multiply_row_plain(w, x, block, sums, t);
  }
}

METAL_FUNC void multiply_row_of(Weights w, Encodings e, const device float* x, uint block, threadgroup float* sums,
                                ThreadPlace t) {
  if (is_first(w, e)) {
    multiply_row(specialised(w, e.first), x, block, sums, t);
  } else {
    multiply_row(specialised(w, e.second), x, block, sums, t);
  }
}

/// Behind a barrier and before one.
METAL_FUNC void add_row_shares(Weights w, threadgroup float* sums, ThreadPlace t) {
  if (!is_exl3(w)) return;
  for (uint i = t.thread_index; i < 128; i += t.n_threads) {
    float sum = sums[i];
    for (uint s = 1; s < t.n_simdgroups; ++s) sum += sums[128 * s + i];
    sums[i] = sum;
  }
}

// ---- up to 16 rows: decode once, four rows at a time

constant uint kFewRows = 16;
constant uint kFewRowsSums = kFewRows * 128;  // floats of one share of the inputs
constant uint kMaxShares = 2;

/// partial[share][16][128]: a simdgroup takes two tile columns and every n-th tile row. Rows beyond n_rows repeat the
/// last one.
METAL_FUNC void multiply_few_rows_exl3(Weights w, const device float* x, uint x_stride, uint n_rows, uint block,
                                       uint n_shares, threadgroup float* partial, ThreadPlace t) {
  const TileLane tile_lane_ = tile_lane(t.lane, w.bits, w.codebook);
  const uint tile_bytes = 32 * w.bits;
  const ulong row_bytes = ulong(w.stored_out / 16) * tile_bytes;
  for (uint unit = t.simdgroup; unit < 4 * n_shares; unit += t.n_simdgroups) {
    const uint column = unit % 4 * 2;
    const device uchar* tiles = w.weights + (8 * block + column) * tile_bytes;
    float sums[4 * kFewRows];  // [column half][tile column][row]
    MARLIN_UNROLL
    for (uint i = 0; i < 4 * kFewRows; ++i) sums[i] = 0.0f;
    for (uint k = unit / 4; k < w.stored_in / 16; k += n_shares) {
      const device uchar* tile = tiles + k * row_bytes;
      const TileWords words0 = load_tile(tile, tile_lane_, w.words_aligned);
      const TileWords words1 = load_tile(tile + tile_bytes, tile_lane_, w.words_aligned);
      half values[16];
      decode_tile(tile_lane_, words0, values);
      decode_tile(tile_lane_, words1, values + 8);
      const device float* inputs = x + 16 * k + t.lane % 4;
      MARLIN_UNROLL
      for (uint group = 0; group < kFewRows; group += 4) {
        if (group < n_rows) {
          MARLIN_UNROLL
          for (uint r = group; r < group + 4; ++r) {
            const device float* row = inputs + ulong(metal::min(r, n_rows - 1)) * x_stride;
            MARLIN_UNROLL
            for (uint q = 0; q < 4; ++q) {
              const float input = row[4 * q];
              MARLIN_UNROLL
              for (uint i = 0; i < 4; ++i) {  // values[8 column + 4 half + q]
                const uint place = kFewRows * (i / 2 + 2 * (i % 2)) + r;
                sums[place] = metal::fma(float(values[4 * i + q]), input, sums[place]);
              }
            }
          }
        }
      }
    }
    fold<64, 1>(sums, t.lane);
    fold<32, 2>(sums, t.lane);
    threadgroup float* out =
        partial + (unit / 4) * kFewRowsSums + 16 * (column + t.lane / 2 % 2) + 8 * (t.lane % 2) + t.lane / 4;
    MARLIN_UNROLL
    for (uint r = 0; r < kFewRows; ++r) out[128 * r] = sums[r];
  }
}

/// sums[16][128]: simdgroups take two outputs at a time.
METAL_FUNC void multiply_few_rows_plain(Weights w, const device float* x, uint x_stride, uint n_rows, uint block,
                                        threadgroup float* sums, ThreadPlace t) {
  for (uint pair = t.simdgroup; pair < 64 && 128 * block + 2 * pair < w.n_out; pair += t.n_simdgroups) {
    const uint output = 128 * block + 2 * pair;
    const ulong row0 = ulong(output) * w.n_in;
    const ulong row1 = ulong(metal::min(output + 1, w.n_out - 1)) * w.n_in;
    float v[2 * kFewRows];  // [row][output]
    MARLIN_UNROLL
    for (uint i = 0; i < 2 * kFewRows; ++i) v[i] = 0.0f;
    const bool paired = has_pairs(w);
    const uint step = paired ? 2 : 1;
    for (uint i = step * t.lane; i < w.n_in; i += 32 * step) {
      const float2 w0 = paired ? plain_weight_pair(w, row0 + i) : float2(plain_weight(w, row0 + i), 0.0f);
      const float2 w1 = paired ? plain_weight_pair(w, row1 + i) : float2(plain_weight(w, row1 + i), 0.0f);
      MARLIN_UNROLL
      for (uint group = 0; group < kFewRows; group += 4) {
        if (group < n_rows) {
          MARLIN_UNROLL
          for (uint r = group; r < group + 4; ++r) {
            const device float* row = x + ulong(metal::min(r, n_rows - 1)) * x_stride + i;
            v[2 * r] = metal::fma(w0.x, row[0], v[2 * r]);
            v[2 * r + 1] = metal::fma(w1.x, row[0], v[2 * r + 1]);
            if (paired) {
              v[2 * r] = metal::fma(w0.y, row[1], v[2 * r]);
              v[2 * r + 1] = metal::fma(w1.y, row[1], v[2 * r + 1]);
            }
          }
        }
      }
    }
    fold<32, 16>(v, t.lane);
    fold<16, 8>(v, t.lane);
    fold<8, 4>(v, t.lane);
    fold<4, 2>(v, t.lane);
    fold<2, 1>(v, t.lane);
    sums[128 * (t.lane / 2) + 2 * pair + t.lane % 2] = v[0];
  }
}

/// How many simdgroups share a tile column, each with its own sums.
METAL_FUNC uint few_rows_shares(ThreadPlace t) { return metal::clamp(t.n_simdgroups / 4, 1u, kMaxShares); }

METAL_FUNC void multiply_few_rows(Weights w, const device float* x, uint x_stride, uint n_rows, uint block,
                                  threadgroup float* sums, ThreadPlace t) {
  if (is_exl3(w)) {
    multiply_few_rows_exl3(w, x, x_stride, n_rows, block, few_rows_shares(t), sums, t);
  } else {
    multiply_few_rows_plain(w, x, x_stride, n_rows, block, sums, t);
  }
}

/// sums[16][128] of up to 16 rows; `sums` has room for kMaxShares times that. Ends with a barrier; the caller lets
/// nobody read what it overwrites.
METAL_FUNC void multiply_few_rows_of(Weights w, Encodings e, const device float* x, uint x_stride, uint n_rows,
                                     uint block, threadgroup float* sums, ThreadPlace t) {
  if (is_first(w, e)) {
    multiply_few_rows(specialised(w, e.first), x, x_stride, n_rows, block, sums, t);
  } else {
    multiply_few_rows(specialised(w, e.second), x, x_stride, n_rows, block, sums, t);
  }
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  if (is_exl3(w) && few_rows_shares(t) == 2) {
    for (uint i = t.thread_index; i < n_rows * 128; i += t.n_threads) sums[i] += sums[kFewRowsSums + i];
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  }
}

}  // namespace marlin
