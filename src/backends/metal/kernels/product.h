// SPDX-License-Identifier: Apache-2.0
// MSL only. Products with a block of 128 outputs of a weight matrix of any format, by one threadgroup: what
// matmul.metal and moe.metal are made of. Each way to multiply leaves plain sums in threadgroup memory;
// finished_outputs() makes outputs of them. All loops over simdgroups take any number of them.
#pragma once

#include "backends/metal/kernels/exl3.h"
#include "backends/metal/kernels/load.h"
#include "backends/metal/kernels/reduce.h"

namespace marlin {

/// abi::Matrix in registers.
struct Weights {
  const device uchar* weights;
  const device uchar* input_scale;
  const device uchar* output_scale;
  const device float* bias;  // or null
  uint n_in;
  uint n_out;
  uint stored_in;
  uint stored_out;
  abi::MatrixFormat format;
  uint bits;
  abi::TrellisCodebook codebook;
  uint encoding;          // abi::matrix_encoding
  bool words_aligned;     // of weights: 4-byte loads are allowed
  bool elements_aligned;  // the same of one element of a plain matrix
  bool input_scale_aligned;
  bool output_scale_aligned;
};

/// From device or constant memory.
template <typename MatrixPointer>
METAL_FUNC Weights weights_of(MatrixPointer matrix) {
  Weights w;
  w.weights = reinterpret_cast<const device uchar*>(matrix->weights);
  w.input_scale = reinterpret_cast<const device uchar*>(matrix->input_scale);
  w.output_scale = reinterpret_cast<const device uchar*>(matrix->output_scale);
  w.bias = reinterpret_cast<const device float*>(matrix->bias);
  w.n_in = matrix->n_in;
  w.n_out = matrix->n_out;
  w.stored_in = matrix->stored_in;
  w.stored_out = matrix->stored_out;
  w.format = matrix->format;
  w.bits = matrix->bits;
  w.codebook = matrix->codebook;
  w.encoding = abi::matrix_encoding(matrix->format, matrix->bits, matrix->codebook, matrix->weights);
  w.words_aligned = matrix->weights % 4 == 0;
  w.elements_aligned = is_aligned(matrix->weights, w.format);
  w.input_scale_aligned = matrix->input_scale % 2 == 0;
  w.output_scale_aligned = matrix->output_scale % 2 == 0;
  return w;
}

/// What a kernel is made for (abi::MoeArguments); of a single matrix both are the same.
struct Encodings {
  uint first;
  uint second;
};

METAL_FUNC Weights specialised(Weights w, uint encoding) {
  if (encoding == abi::kAnyEncoding) return w;
  w.format = abi::MatrixFormat(encoding & 0xFFu);
  w.bits = (encoding >> 8) & 0xFFu;
  w.codebook = abi::TrellisCodebook((encoding >> 16) & 0xFFu);
  w.words_aligned = (encoding >> 24) != 0;
  w.elements_aligned = w.words_aligned || w.elements_aligned;
  return w;
}

METAL_FUNC bool is_first(Weights w, Encodings e) { return e.first == e.second || w.encoding == e.first; }

METAL_FUNC bool is_exl3(Weights w) { return w.format == abi::MatrixFormat::kExl3; }

/// Element i of a plain matrix.
METAL_FUNC float plain_weight(Weights w, ulong i) {
  return load_element(w.weights + ulong(element_bytes(w.format)) * i, w.format, w.elements_aligned);
}

METAL_FUNC bool has_tiles(Weights w, Encodings e) {
  const uint exl3 = uint(abi::MatrixFormat::kExl3);
  return ((e.first & 0xFFu) == exl3 && (e.second & 0xFFu) == exl3) || is_exl3(w);
}

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

/// What a matrix wants as inputs 128 block .. of x[n_in] (abi/matmul.h), to out + 128 block. For a whole simdgroup.
METAL_FUNC void prepare_inputs(Weights w, const device float* x, uint block, device float* out, uint lane) {
  const uint first = 128 * block;
  if (first >= w.stored_in) return;
  float4 v;
  for (uint r = 0; r < 4; ++r) v[r] = first + lane + 32 * r < w.n_in ? x[first + lane + 32 * r] : 0.0f;
  if (is_exl3(w)) {
    transform_inputs128(v, w.input_scale + 2 * first, w.input_scale_aligned, out + first, lane);
  } else {
    for (uint r = 0; r < 4; ++r) {
      if (first + lane + 32 * r < w.n_in) out[first + lane + 32 * r] = v[r];
    }
  }
}

/// Outputs 128 block + lane + 32 r in component r, from the sums of a row: output transform and scale, bias; 0 beyond
/// n_out. For a whole simdgroup.
METAL_FUNC float4 finished_outputs(Weights w, const threadgroup float* sums, uint block, uint lane) {
  const uint first = 128 * block;
  float4 v;
  for (uint r = 0; r < 4; ++r) {
    const uint i = lane + 32 * r;
    v[r] = is_exl3(w) || first + i < w.n_out ? sums[i] : 0.0f;
  }
  if (is_exl3(w)) {
    v = hadamard128(v, lane);
    for (uint r = 0; r < 4; ++r) {
      v[r] *= kHadamardScale * load_half(w.output_scale + 2 * (first + lane + 32 * r), w.output_scale_aligned);
    }
  }
  for (uint r = 0; r < 4; ++r) {
    const uint i = first + lane + 32 * r;
    if (i >= w.n_out) {
      v[r] = 0.0f;
    } else if (w.bias != nullptr) {
      v[r] += w.bias[i];
    }
  }
  return v;
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

// ---- many rows: simdgroup matrices

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
