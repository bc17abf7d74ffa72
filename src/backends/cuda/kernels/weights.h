// SPDX-License-Identifier: Apache-2.0
// A weight matrix of any format: what it wants as inputs, what becomes of the sums of a product with it, and the way
// from the numbers of its encoding to code made for them. What all kernels with products share.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/matrix.h"
#include "backends/cuda/kernels/exl3_inputs.h"
#include "backends/cuda/kernels/kernel_call.h"
#include "backends/cuda/kernels/load.h"

namespace marlin::cuda {

MARLIN_HOST_DEVICE constexpr bool is_exl3(const abi::Matrix& matrix) {
  return matrix.format == abi::MatrixFormat::kExl3;
}

__device__ inline const std::byte* address_of(std::uint64_t address) {
  return reinterpret_cast<const std::byte*>(address);
}

/// How many of the four elements from `first` on are below `end`.
__device__ inline std::uint32_t n_valid4(std::uint32_t first, std::uint32_t end) {
  return first < end ? min(end - first, 4U) : 0U;
}

/// Inputs 128 chunk + 4 lane .. + 3 of a row, in `out` as the matrix wants them (abi/matmul.h). For a whole warp.
__device__ inline void store_inputs(const abi::Matrix& matrix, float4 x, std::uint32_t chunk, float* out) {
  const std::uint32_t first = kChunk * chunk;
  if (is_exl3(matrix)) {
    transform_chunk(x, address_of(matrix.input_scale) + 2 * std::size_t{first}, packed_chunk(out, chunk));
  } else {
    const std::uint32_t i = first + 4 * lane_index();
    store_floats4(out + i, x, holds_vectors(out + i), n_valid4(i, matrix.n_in));
  }
}

/// The same from a row in memory; nothing for a chunk that the matrix does not have.
__device__ inline void prepare_inputs(const abi::Matrix& matrix, const float* x, std::uint32_t chunk, float* out) {
  if (kChunk * chunk >= matrix.stored_in) return;
  const std::uint32_t i = kChunk * chunk + 4 * lane_index();
  store_inputs(matrix, load_floats4(x + i, holds_vectors(x + i), n_valid4(i, matrix.n_in)), chunk, out);
}

/// Outputs 128 block + 4 lane .. + 3 from their sums: output transform and scale, bias; 0 beyond n_out. For a whole
/// warp.
__device__ inline float4 finished_outputs(const abi::Matrix& matrix, float4 sums, std::uint32_t block) {
  const std::uint32_t i = kChunk * block + 4 * lane_index();
  const std::uint32_t n = n_valid4(i, matrix.n_out);
  const auto* bias = reinterpret_cast<const float*>(matrix.bias);
  float4 b = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
  if (bias != nullptr) b = load_floats4(bias + i, holds_vectors(bias + i), n);
  if (is_exl3(matrix)) {
    const float4 s = load_scales4(address_of(matrix.output_scale) + 2 * std::size_t{i});
    const float4 v = hadamard128(sums);
    sums = make_float4(v.x * s.x, v.y * s.y, v.z * s.z, v.w * s.w);
  }
  return make_float4(n > 0 ? sums.x + b.x : 0.0F, n > 1 ? sums.y + b.y : 0.0F, n > 2 ? sums.z + b.z : 0.0F,
                     n > 3 ? sums.w + b.w : 0.0F);
}

/// Calls f<bits>() for bits in 1..8.
template <typename Function>
MARLIN_HOST_DEVICE auto with_bits(std::uint32_t bits, Function&& f) {
  switch (bits) {
    case 1:
      return f.template operator()<1>();
    case 2:
      return f.template operator()<2>();
    case 3:
      return f.template operator()<3>();
    case 4:
      return f.template operator()<4>();
    case 5:
      return f.template operator()<5>();
    case 6:
      return f.template operator()<6>();
    case 7:
      return f.template operator()<7>();
    default:
      return f.template operator()<8>();
  }
}

/// Calls f<codebook>().
template <typename Function>
MARLIN_HOST_DEVICE auto with_codebook(abi::TrellisCodebook codebook, Function&& f) {
  using abi::TrellisCodebook;
  switch (codebook) {
    case TrellisCodebook::k3Inst:
      return f.template operator()<TrellisCodebook::k3Inst>();
    case TrellisCodebook::kMcg:
      return f.template operator()<TrellisCodebook::kMcg>();
    default:
      return f.template operator()<TrellisCodebook::kMul1>();
  }
}

}  // namespace marlin::cuda
