// SPDX-License-Identifier: Apache-2.0
// The input side of EXL3 layers: inputs times suh, transformed, and packed as the products want them. A packed row lies
// in the room of stored_in floats (abi/matmul.h): a PackedChunk for every 128 inputs, at the first multiple of 16 bytes
// in the room of these 128.
//
// Inputs become one binary16 each, scaled by a power of two so that the largest of a chunk is in [2^13, 2^14): sums of
// 128 products with weights stay far from overflow, and what is 2^-38 of the largest is still a number.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "backends/cuda/kernels/load.h"
#include "backends/cuda/kernels/reduce.h"

namespace marlin::cuda {

inline constexpr std::uint32_t kChunk = 128;              // inputs of a transform, and outputs of a thread block
inline constexpr float kHadamardScale = 0.088388347648F;  // 1 / sqrt(128)

/// 128 inputs of a row. fragments[p][m] is what lanes with lane % 4 = m need of the tiles 2p and 2p + 1 as B fragments
/// of mma_m16n8k16: inputs 32 p + {2m, 2m + 1, 2m + 8, 2m + 9} and the same + 16.
struct alignas(16) PackedChunk {
  uint4 fragments[4][4];
  float scale;  // multiplies them; NaN if an input was infinite or NaN
};
static_assert(sizeof(PackedChunk) == 272);

/// Chunk `chunk` of the row with that room.
template <typename Float>
__device__ inline auto packed_chunk(Float* row, std::uint32_t chunk) {
  const std::uint32_t skipped = (0U - static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(row) / 4)) % 4;
  using Chunk = std::conditional_t<std::is_const_v<Float>, const PackedChunk, PackedChunk>;
  return reinterpret_cast<Chunk*>(row + std::size_t{chunk} * kChunk + skipped);
}

/// A warp's 128 values, value 4 lane + i in component i <- H values (Sylvester order, unnormalised).
__device__ inline float4 hadamard128(float4 v) {
  v = make_float4(v.x + v.y, v.x - v.y, v.z + v.w, v.z - v.w);
  v = make_float4(v.x + v.z, v.y + v.w, v.x - v.z, v.y - v.w);
#pragma unroll
  for (std::uint32_t distance = 1; distance < kWarpSize; distance *= 2) {
    const float sign = (lane_index() & distance) != 0 ? -1.0F : 1.0F;
    v.x = __fmaf_rn(sign, v.x, __shfl_xor_sync(kAllLanes, v.x, static_cast<int>(distance)));
    v.y = __fmaf_rn(sign, v.y, __shfl_xor_sync(kAllLanes, v.y, static_cast<int>(distance)));
    v.z = __fmaf_rn(sign, v.z, __shfl_xor_sync(kAllLanes, v.z, static_cast<int>(distance)));
    v.w = __fmaf_rn(sign, v.w, __shfl_xor_sync(kAllLanes, v.w, static_cast<int>(distance)));
  }
  return v;
}

/// Four of a layer's scales suh or svh, f16 at any address, times 1 / sqrt(128).
__device__ inline float4 load_scales4(const std::byte* scales) {
  const auto address = reinterpret_cast<std::uintptr_t>(scales);
  const RowAlignment alignment = row_alignment(address, 4, abi::MatrixFormat::kF16);
  const float4 s = load_elements4(scales, abi::MatrixFormat::kF16, alignment, 4);
  return make_float4(kHadamardScale * s.x, kHadamardScale * s.y, kHadamardScale * s.z, kHadamardScale * s.w);
}

__device__ inline std::uint32_t packed_pair(float low, float high, float factor) {
  return __half_as_ushort(__float2half_rn(low * factor)) |
         static_cast<std::uint32_t>(__half_as_ushort(__float2half_rn(high * factor))) << 16U;
}

/// Stores a warp's 128 transformed inputs, input 4 lane + i in component i.
__device__ inline void pack_chunk(float4 v, PackedChunk* out) {
  const std::uint32_t magnitude = max(max(__float_as_uint(v.x) & 0x7FFFFFFFU, __float_as_uint(v.y) & 0x7FFFFFFFU),
                                      max(__float_as_uint(v.z) & 0x7FFFFFFFU, __float_as_uint(v.w) & 0x7FFFFFFFU));
  // as integers, where NaN is larger than all else; at least 14, so that the factor below exists
  const std::uint32_t exponent = max(warp_reduce(magnitude, Max{}) >> 23U, 14U);
  const bool is_finite = exponent < 255;
  const float factor = is_finite ? __uint_as_float((267 - exponent) << 23U) : 0.0F;  // 2^(13 - (exponent - 127))
  const std::uint32_t lane = lane_index();
  auto* words = reinterpret_cast<std::uint32_t*>(out->fragments) + lane / 8 * 16 + lane % 2 * 8 + lane / 2 % 4;
  words[0] = packed_pair(v.x, v.y, factor);
  words[4] = packed_pair(v.z, v.w, factor);
  if (lane == 0) out->scale = __uint_as_float(is_finite ? (exponent - 13) << 23U : 0x7FC00000U);
}

/// Four inputs of each lane, in order, as a layer with scales suh (from this chunk on) wants them. For a whole warp.
__device__ inline void transform_chunk(float4 x, const std::byte* suh, PackedChunk* out) {
  const float4 s = load_scales4(suh + 8 * lane_index());
  pack_chunk(hadamard128(make_float4(x.x * s.x, x.y * s.y, x.z * s.z, x.w * s.w)), out);
}

}  // namespace marlin::cuda
