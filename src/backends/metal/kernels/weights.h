// SPDX-License-Identifier: Apache-2.0
// MSL only. A weight matrix of any format: its elements, what it wants as inputs, and what becomes of the sums of a
// product with it. What all kernels of matmul.metal, moe_rows.metal and moe_products.metal share.
#pragma once

#include "backends/metal/kernels/exl3.h"
#include "backends/metal/kernels/load.h"

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

}  // namespace marlin
