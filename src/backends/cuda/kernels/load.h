// SPDX-License-Identifier: Apache-2.0
// Elements of weights as files store them, f32, f16 or bf16, at any byte address, as floats; and four floats at a time.
// The format and the alignment are the same for all threads, so that the branches on them cost next to nothing.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "abi/matrix.h"

namespace marlin::cuda {

__device__ inline std::uint32_t element_bytes(abi::MatrixFormat format) {
  return format == abi::MatrixFormat::kF32 ? 4 : 2;
}

__device__ inline float bf16_to_float(std::uint32_t bits) { return __uint_as_float(bits << 16U); }

__device__ inline float f16_to_float(std::uint32_t bits) {
  return __half2float(std::bit_cast<__half>(static_cast<std::uint16_t>(bits)));
}

__device__ inline std::uint32_t load_u16_bytes(const std::byte* address) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(address);
  return __ldg(bytes) | static_cast<std::uint32_t>(__ldg(bytes + 1)) << 8U;
}

__device__ inline std::uint32_t load_u32_bytes(const std::byte* address) {
  return load_u16_bytes(address) | load_u16_bytes(address + 2) << 16U;
}

/// How a row of elements, and every row behind it, may be loaded.
enum class RowAlignment : std::uint32_t {
  kBytes = 0,     // byte by byte
  kElements = 1,  // an element at a time
  kVectors = 2,   // four elements at a time
};

/// Of rows of n_in elements without gaps, from `address` on.
__device__ inline RowAlignment row_alignment(std::uint64_t address, std::uint32_t n_in, abi::MatrixFormat format) {
  const std::uint32_t bytes = element_bytes(format);
  if (address % bytes != 0) return RowAlignment::kBytes;
  return address % (4 * bytes) == 0 && n_in % 4 == 0 ? RowAlignment::kVectors : RowAlignment::kElements;
}

__device__ inline float load_element(const std::byte* address, abi::MatrixFormat format, bool aligned) {
  if (format == abi::MatrixFormat::kF32) {
    return aligned ? __ldg(reinterpret_cast<const float*>(address)) : __uint_as_float(load_u32_bytes(address));
  }
  const std::uint32_t bits =
      aligned ? __ldg(reinterpret_cast<const unsigned short*>(address)) : load_u16_bytes(address);
  return format == abi::MatrixFormat::kF16 ? f16_to_float(bits) : bf16_to_float(bits);
}

/// Four elements at an address that is a multiple of their size.
__device__ inline float4 load_vector4(const std::byte* address, abi::MatrixFormat format) {
  if (format == abi::MatrixFormat::kF32) return __ldg(reinterpret_cast<const float4*>(address));
  const uint2 bits = __ldg(reinterpret_cast<const uint2*>(address));
  if (format == abi::MatrixFormat::kF16) {
    return make_float4(f16_to_float(bits.x), f16_to_float(bits.x >> 16U), f16_to_float(bits.y),
                       f16_to_float(bits.y >> 16U));
  }
  return make_float4(bf16_to_float(bits.x), __uint_as_float(bits.x & 0xFFFF0000U), bf16_to_float(bits.y),
                     __uint_as_float(bits.y & 0xFFFF0000U));
}

/// The first n of four elements, and 0 for the others.
__device__ inline float4 load_elements4(const std::byte* address, abi::MatrixFormat format, RowAlignment alignment,
                                        std::uint32_t n) {
  if (alignment == RowAlignment::kVectors && n >= 4) return load_vector4(address, format);
  const bool aligned = alignment != RowAlignment::kBytes;
  const std::uint32_t bytes = element_bytes(format);
  float4 result = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
  if (n > 0) result.x = load_element(address, format, aligned);
  if (n > 1) result.y = load_element(address + bytes, format, aligned);
  if (n > 2) result.z = load_element(address + 2 * bytes, format, aligned);
  if (n > 3) result.w = load_element(address + 3 * bytes, format, aligned);
  return result;
}

/// How many of the four elements from the i-th on a row of n has.
__device__ inline std::uint32_t of_four(std::uint64_t i, std::uint64_t n) {
  return i + 4 <= n ? 4 : static_cast<std::uint32_t>(i < n ? n - i : 0);
}

/// Whether floats may be loaded and stored four at a time from there on.
__device__ inline bool holds_vectors(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) % 16 == 0;
}

/// The first n of four floats, and 0 for the others; `vectors`: see holds_vectors().
__device__ inline float4 load_floats4(const float* x, bool vectors, std::uint32_t n) {
  if (vectors && n >= 4) return *reinterpret_cast<const float4*>(x);
  return make_float4(n > 0 ? x[0] : 0.0F, n > 1 ? x[1] : 0.0F, n > 2 ? x[2] : 0.0F, n > 3 ? x[3] : 0.0F);
}

/// Stores the first n of four floats.
__device__ inline void store_floats4(float* x, float4 values, bool vectors, std::uint32_t n) {
  if (vectors && n >= 4) {
    *reinterpret_cast<float4*>(x) = values;
    return;
  }
  if (n > 0) x[0] = values.x;
  if (n > 1) x[1] = values.y;
  if (n > 2) x[2] = values.z;
  if (n > 3) x[3] = values.w;
}

/// Four floats of a row of n from the i-th on, zeros behind its end. kWhole: n is a multiple of four, and i and the
/// address are fit for vectors. Then there is no branch, and many such loads are under way at once.
template <bool kWhole>
__device__ inline float4 load_row4(const float* row, std::uint32_t i, std::uint32_t n) {
  if constexpr (kWhole) {
    return i < n ? *reinterpret_cast<const float4*>(row + i) : make_float4(0.0F, 0.0F, 0.0F, 0.0F);
  } else {
    return load_floats4(row + i, false, of_four(i, n));
  }
}

template <bool kWhole>
__device__ inline void store_row4(float* row, float4 values, std::uint32_t i, std::uint32_t n) {
  if constexpr (kWhole) {
    if (i < n) *reinterpret_cast<float4*>(row + i) = values;
  } else {
    store_floats4(row + i, values, false, of_four(i, n));
  }
}

}  // namespace marlin::cuda
