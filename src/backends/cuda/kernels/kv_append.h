// SPDX-License-Identifier: Apache-2.0
// A row on its way into the cache (abi/kv_append.h): its numbers as they are, rounded to f16, or in groups of 8 bits.
// The 8-bit form has to be the same to the bit as the other backends', so its quotients are rounded as IEEE 754 says:
// never compile this with approximate division.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "abi/kv_append.h"
#include "backends/cuda/kernels/load.h"
#include "backends/cuda/kernels/reduce.h"

namespace marlin::cuda {

struct alignas(8) FourHalves {
  __half2 low;
  __half2 high;
};

/// Stores the first n of four numbers; `vectors`: all at once where there are four.
__device__ inline void store_halves4(__half* out, float4 values, bool vectors, std::uint32_t n) {
  if (vectors && n >= 4) {
    *reinterpret_cast<FourHalves*>(out) = {__floats2half2_rn(values.x, values.y),
                                           __floats2half2_rn(values.z, values.w)};
    return;
  }
  if (n > 0) out[0] = __float2half_rn(values.x);
  if (n > 1) out[1] = __float2half_rn(values.y);
  if (n > 2) out[2] = __float2half_rn(values.z);
  if (n > 3) out[3] = __float2half_rn(values.w);
}

/// A thread's four numbers of a row of n, from the i-th on.
__device__ inline void append_four(abi::MatrixFormat format, const float* x, std::byte* row, std::uint32_t i,
                                   std::uint32_t n) {
  const float4 values = load_floats4(x + i, holds_vectors(x), of_four(i, n));
  if (format == abi::MatrixFormat::kF16) {
    const bool vectors = reinterpret_cast<std::uintptr_t>(row) % alignof(FourHalves) == 0;
    store_halves4(reinterpret_cast<__half*>(row) + i, values, vectors, of_four(i, n));
  } else {
    store_floats4(reinterpret_cast<float*>(row) + i, values, holds_vectors(row), of_four(i, n));
  }
}

/// A warp's group of an 8-bit vector: n numbers, of which the first n_present are those of x. A lane has two
/// neighbours.
__device__ inline void quantise_group(const float* x, std::uint32_t n_present, std::uint32_t n, std::int8_t* numbers,
                                      float* scale) {
  static_assert(abi::kScaleGroup == 2 * kWarpSize);
  const std::uint32_t i = 2 * lane_index();
  const float a = i < n_present ? x[i] : 0.0F;
  const float b = i + 1 < n_present ? x[i + 1] : 0.0F;
  // magnitudes as integers: in the same order, and NaN above all
  const std::uint32_t largest =
      warp_reduce(Max{}(__float_as_uint(a) & 0x7FFFFFFFU, __float_as_uint(b) & 0x7FFFFFFFU), Max{});
  const bool finite = largest < 0x7F800000U;
  const bool zeros = !finite || __uint_as_float(largest) < abi::smallest_group();
  const float step = zeros ? 0.0F : __uint_as_float(largest) / 127.0F;
  if (i < n) {  // n is even
    const auto first = zeros ? std::int8_t{0} : static_cast<std::int8_t>(rintf(a / step));
    const auto second = zeros ? std::int8_t{0} : static_cast<std::int8_t>(rintf(b / step));
    *reinterpret_cast<char2*>(numbers + i) = make_char2(first, second);
  }
  if (i == 0) *scale = finite ? step : __uint_as_float(0x7FC00000U);
}

/// The index-th group of the 8-bit vectors of a row, by a whole warp.
__device__ inline void append_group(const abi::KvAppendArguments& arguments, const float* x, std::byte* row,
                                    std::uint32_t index) {
  const abi::CacheVector vector = arguments.vector;
  const std::uint32_t n_numbers = abi::cache_numbers(abi::MatrixFormat::kInt8, vector);
  const std::uint32_t n_groups = (n_numbers + abi::kScaleGroup - 1) / abi::kScaleGroup;
  if (index >= arguments.n_vectors * n_groups) return;
  x += std::uint64_t{index / n_groups} * vector.dim;
  row += std::uint64_t{index / n_groups} * abi::cache_vector_bytes(abi::MatrixFormat::kInt8, vector);
  const std::uint32_t at = index % n_groups * abi::kScaleGroup;
  const std::uint32_t tail = abi::cache_tail_offset(abi::MatrixFormat::kInt8, vector);
  const std::uint32_t head_dim = vector.dim - vector.tail_dim;
  const std::uint32_t first = at < tail ? at : head_dim + at - tail;
  const std::uint32_t end = at < tail ? head_dim : vector.dim;
  constexpr std::uint32_t kGroup = abi::kScaleGroup;
  quantise_group(x + first, Min{}(kGroup, end - first), Min{}(kGroup, n_numbers - at),
                 reinterpret_cast<std::int8_t*>(row + at),
                 reinterpret_cast<float*>(row + n_numbers) + index % n_groups);
}

}  // namespace marlin::cuda
