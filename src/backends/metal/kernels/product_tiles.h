// SPDX-License-Identifier: Apache-2.0
// MSL only. Products of many rows (base, large_batch) with a block of 128 outputs of a weight matrix of any format, by
// one threadgroup: chunks of inputs and weights are staged in threadgroup memory and multiplied as simdgroup matrices.
// The sums are stored there too, some rows at a time; finished_outputs() makes outputs of them.
#pragma once

#include "backends/metal/kernels/reduce.h"
#include "backends/metal/kernels/weights.h"

namespace marlin {

constant uint kOutputRows = 16;     // rows finished at a time
constant uint kOutputStride = 132;  // floats
constant uint kOutputFloats = kOutputRows * kOutputStride;

/// A threadgroup's tile of kRows rows x 128 outputs, in units of kUnitRows x 32 outputs, one per simdgroup. Inputs and
/// weights are staged in threadgroup memory a chunk of k at a time. At least 4 simdgroups, which the kernels' limits on
/// threads (512) make sure of.
template <int kRows, int kUnitRows>
struct Tiling {
  static constexpr constant int kUnitMatrices = kUnitRows / 8 * 4;
  static constexpr constant uint kUnits = kRows / kUnitRows * 4;
  static constexpr constant uint kInputStride = 36;  // floats: chunk of 32 and padding against bank conflicts
  static constexpr constant uint kInputFloats = kRows * kInputStride;
  static constexpr constant uint kWeightFloats = 16 * 136;                     // [32][136] half or [16][132] float
  static constexpr constant uint kStageFloats = kInputFloats + kWeightFloats;  // also enough for one kOutputFloats
  static constexpr constant uint kPairFloats = kStageFloats < 2 * kOutputFloats ? 2 * kOutputFloats : kStageFloats;
};
/// Units that a threadgroup works on at the same time: all units of some rows.
template <int kRows, int kUnitRows>
METAL_FUNC uint units_at_once(uint n_simdgroups) {
  return metal::clamp(n_simdgroups / 4 * 4, 4u, uint(Tiling<kRows, kUnitRows>::kUnits));
}

/// weights[32][136] <- decoded tiles of inputs first_in .. + 31, inputs in tile order.
METAL_FUNC void stage_exl3(Weights w, uint first_in, uint block, threadgroup half* weights, ThreadPlace t) {
  const TileLane tile_lane_ = tile_lane(t.lane, w.bits, w.codebook);
  const uint tile_bytes = 32 * w.bits;
  for (uint i = t.simdgroup; i < 16; i += t.n_simdgroups) {
    const ulong tile = ulong(first_in / 16 + i / 8) * (w.stored_out / 16) + 8 * block + i % 8;
    half values[8];
    decode_tile(tile_lane_, load_tile(w.weights + tile * tile_bytes, tile_lane_, w.words_aligned), values);
    threadgroup half* out = weights + (16 * (i / 8) + t.lane % 4) * 136 + 16 * (i % 8) + t.lane / 4;
    MARLIN_UNROLL
    for (uint q = 0; q < 4; ++q) {
      out[4 * q * 136] = values[q];
      out[4 * q * 136 + 8] = values[4 + q];
    }
  }
}

/// weights[16][132] <- inputs first_in .. + 15, 0 beyond the matrix.
METAL_FUNC void stage_plain(Weights w, uint first_in, uint block, threadgroup float* weights, ThreadPlace t) {
  for (uint i = t.thread_index; i < 16 * 128; i += t.n_threads) {
    const uint in = first_in + i % 16;
    const uint output = 128 * block + i / 16;
    weights[(i % 16) * 132 + i / 16] =
        in < w.n_in && output < w.n_out ? plain_weight(w, ulong(output) * w.n_in + in) : 0.0f;
  }
}

template <uint kChunk, uint kRows, uint kStride>
METAL_FUNC void stage_inputs(const device float* x, uint x_stride, uint n_rows, uint first_in, uint n_in,
                             threadgroup float* inputs, ThreadPlace t) {
  for (uint i = t.thread_index; i < kRows * kChunk; i += t.n_threads) {
    const uint row = i / kChunk;
    const uint in = first_in + i % kChunk;
    inputs[row * kStride + i % kChunk] = row < n_rows && in < n_in ? x[ulong(row) * x_stride + in] : 0.0f;
  }
}

/// sums[row matrix][4] += inputs[..][kChunk] weights[kChunk][32]
template <typename T, int kChunk, int kUnitRows, uint kInputStride, uint kWeightStride>
METAL_FUNC void multiply_unit(thread metal::simdgroup_float8x8* sums, const threadgroup float* inputs,
                              const threadgroup T* weights) {
  MARLIN_UNROLL
  for (int k = 0; k < kChunk; k += 8) {
    metal::simdgroup_float8x8 left[kUnitRows / 8];
    MARLIN_UNROLL
    for (int i = 0; i < kUnitRows / 8; ++i) {
      metal::simdgroup_load(left[i], inputs + 8 * i * kInputStride + k, kInputStride);
    }
    MARLIN_UNROLL
    for (int j = 0; j < 4; ++j) {
      metal::simdgroup_matrix<T, 8, 8> right;
      metal::simdgroup_load(right, weights + k * kWeightStride + 8 * j, kWeightStride);
      MARLIN_UNROLL
      for (int i = 0; i < kUnitRows / 8; ++i) {
        metal::simdgroup_multiply_accumulate(sums[4 * i + j], left[i], right, sums[4 * i + j]);
      }
    }
  }
}

METAL_FUNC bool has_tiles(Weights w, Encodings e) {
  const uint exl3 = uint(abi::MatrixFormat::kExl3);
  return ((e.first & 0xFFu) == exl3 && (e.second & 0xFFu) == exl3) || is_exl3(w);
}

/// sums of this simdgroup's unit of x W, for the whole of x W; `stage` is kStageFloats. Begins with a barrier.
template <int kRows, int kUnitRows>
METAL_FUNC void multiply_tile(Weights w, Encodings e, const device float* x, uint x_stride, uint n_rows, uint block,
                              uint unit, thread metal::simdgroup_float8x8* sums, threadgroup float* stage,
                              ThreadPlace t) {
  typedef Tiling<kRows, kUnitRows> Tile;
  MARLIN_UNROLL
  for (int i = 0; i < Tile::kUnitMatrices; ++i) sums[i] = metal::make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  threadgroup float* inputs = stage;
  threadgroup float* weights = stage + Tile::kInputFloats;
  const uint first_row = unit / 4 * kUnitRows;
  const bool is_busy = unit < Tile::kUnits && first_row < n_rows;
  const threadgroup float* unit_inputs = inputs + first_row * Tile::kInputStride;
  if (has_tiles(w, e)) {
    const bool first = is_first(w, e);
    threadgroup half* decoded = reinterpret_cast<threadgroup half*>(weights);
    for (uint first_in = 0; first_in < w.stored_in; first_in += 32) {
      metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
      stage_inputs<32, kRows, Tile::kInputStride>(x, x_stride, n_rows, first_in, w.stored_in, inputs, t);
      if (first) {
        stage_exl3(specialised(w, e.first), first_in, block, decoded, t);
      } else {
        stage_exl3(specialised(w, e.second), first_in, block, decoded, t);
      }
      metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
      if (is_busy) {
        multiply_unit<half, 32, kUnitRows, Tile::kInputStride, 136>(sums, unit_inputs, decoded + 32 * (unit % 4));
      }
    }
  } else {
    for (uint first_in = 0; first_in < w.n_in; first_in += 16) {
      metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
      stage_inputs<16, kRows, Tile::kInputStride>(x, x_stride, n_rows, first_in, w.n_in, inputs, t);
      stage_plain(w, first_in, block, weights, t);
      metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
      if (is_busy) {
        multiply_unit<float, 16, kUnitRows, Tile::kInputStride, 132>(sums, unit_inputs, weights + 32 * (unit % 4));
      }
    }
  }
}

/// out[16][132] <- rows first_row .. + 15 of the units, which must be whole units' rows or a half of them. For all
/// simdgroups; no barriers.
template <int kUnitRows>
METAL_FUNC void store_sums(thread metal::simdgroup_float8x8* sums, uint unit, uint first_row, threadgroup float* out) {
  MARLIN_UNROLL
  for (int part = 0; part < kUnitRows / 16; ++part) {
    if (unit / 4 * kUnitRows + 16 * part == first_row) {
      MARLIN_UNROLL
      for (int i = 0; i < 8; ++i) {
        metal::simdgroup_store(sums[8 * part + i], out + 8 * (i / 4) * kOutputStride + 32 * (unit % 4) + 8 * (i % 4),
                               kOutputStride);
      }
    }
  }
}

}  // namespace marlin
