// SPDX-License-Identifier: Apache-2.0
// Elements of weights as files store them: f32, f16 or bf16, at any byte address. `aligned` says that the address is a
// multiple of the element's size; it and the format are the same for all threads.
#pragma once

#include <metal_stdlib>

#include "abi/matrix.h"

namespace marlin {

METAL_FUNC uint element_bytes(abi::MatrixFormat format) { return format == abi::MatrixFormat::kF32 ? 4u : 2u; }

METAL_FUNC float bf16_to_float(ushort bits) { return as_type<float>(uint(bits) << 16); }

METAL_FUNC ushort load_ushort_bytes(const device uchar* bytes) {
  return ushort(uint(bytes[0]) | uint(bytes[1]) << 8);
}

METAL_FUNC uint load_uint_bytes(const device uchar* bytes) {
  return uint(load_ushort_bytes(bytes)) | uint(load_ushort_bytes(bytes + 2)) << 16;
}

METAL_FUNC bool is_aligned(ulong address, abi::MatrixFormat format) {
  return (address & (element_bytes(format) - 1)) == 0;
}

METAL_FUNC float load_element(const device uchar* bytes, abi::MatrixFormat format, bool aligned) {
  if (format == abi::MatrixFormat::kF32) {
    return aligned ? *reinterpret_cast<const device float*>(bytes) : as_type<float>(load_uint_bytes(bytes));
  }
  const ushort bits = aligned ? *reinterpret_cast<const device ushort*>(bytes) : load_ushort_bytes(bytes);
  return format == abi::MatrixFormat::kF16 ? float(as_type<half>(bits)) : bf16_to_float(bits);
}

/// How rows of elements may be loaded.
enum class RowAlignment : uint {
  kBytes = 0,     // byte by byte
  kElements = 1,  // an element at a time
  kVectors = 2,   // four elements at a time
};

/// The first n of four elements, and 0 for the others. kVectors: n is 4 or 0.
METAL_FUNC float4 load_elements4(const device uchar* bytes, abi::MatrixFormat format, RowAlignment alignment, uint n) {
  float4 result = float4(0.0f);
  if (alignment == RowAlignment::kVectors) {
    if (n == 0) return result;
    if (format == abi::MatrixFormat::kF32) return *reinterpret_cast<const device float4*>(bytes);
    const ushort4 bits = *reinterpret_cast<const device ushort4*>(bytes);
    if (format == abi::MatrixFormat::kF16) return float4(as_type<half4>(bits));
    return as_type<float4>(uint4(bits) << 16);
  }
  for (uint i = 0; i < n; ++i) {
    result[i] = load_element(bytes + i * element_bytes(format), format, alignment == RowAlignment::kElements);
  }
  return result;
}

/// The same for floats; `vectors`: they may be loaded four at a time.
METAL_FUNC float4 load_floats4(const device float* x, bool vectors, uint n) {
  float4 result = float4(0.0f);
  if (vectors && n == 4) return *reinterpret_cast<const device float4*>(x);
  for (uint i = 0; i < n; ++i) result[i] = x[i];
  return result;
}

}  // namespace marlin
