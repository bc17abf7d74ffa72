// SPDX-License-Identifier: Apache-2.0
// Vectors of a key-value cache as attention reads them, for each format (abi/cache_vector.h): PlainVectors of half or
// float, Int8Vectors with their scales. Both give the vector of a cache row, from which lanes load their parts.
#pragma once

#include <metal_stdlib>

#include "abi/cache_vector.h"
#include "backends/metal/kernels/reduce.h"

namespace marlin {

/// f16 or f32, one vector in each row.
template <typename T>
struct PlainVectors {
  enum : uint { kStoredBytes = sizeof(T) };
  typedef T Element;  // of a part in registers
  typedef const device T* Vector;

  const device uchar* first;  // of row 0
  ulong row_bytes;

  Vector of_row(ulong row) const { return reinterpret_cast<const device T*>(first + row * row_bytes); }
};

/// One vector of numbers and scales.
struct Int8Vector {
  const device char* numbers;
  const device float* scales;

  float operator[](uint i) const { return float(numbers[i]) * scales[i / abi::kScaleGroup]; }
};

/// int8, one vector in each row.
struct Int8Vectors {
  enum : uint { kStoredBytes = 1 };
  typedef float Element;
  typedef Int8Vector Vector;

  const device uchar* first;
  ulong row_bytes;
  uint n_numbers;  // of a vector as stored: its scales follow

  Vector of_row(ulong row) const {
    const device uchar* vector = first + row * row_bytes;
    return {reinterpret_cast<const device char*>(vector), reinterpret_cast<const device float*>(vector + n_numbers)};
  }
};

/// Whether kVector elements may be loaded at once from the first `dim` of every vector.
template <uint kVector, typename Vectors>
METAL_FUNC bool is_whole(Vectors vectors, uint dim) {
  const uint bytes = kVector * Vectors::kStoredBytes;
  return reinterpret_cast<ulong>(vectors.first) % bytes == 0 && vectors.row_bytes % bytes == 0 && dim % kVector == 0;
}

/// What lies `offset` numbers behind, a multiple of kScaleGroup where there are scales.
template <typename T>
METAL_FUNC const device T* from(const device T* vector, uint offset) {
  return vector + offset;
}
METAL_FUNC Int8Vector from(Int8Vector vector, uint offset) {
  return {vector.numbers + offset, vector.scales + offset / abi::kScaleGroup};
}

/// Loads kVector neighbours at a multiple of kVector.
template <uint kVector, typename T>
METAL_FUNC metal::vec<T, kVector> load_vector(const device T* vector, uint at) {
  return *reinterpret_cast<const device metal::vec<T, kVector>*>(vector + at);
}
template <uint kVector>
METAL_FUNC metal::vec<float, kVector> load_vector(Int8Vector vector, uint at) {
  const metal::vec<char, kVector> numbers =
      *reinterpret_cast<const device metal::vec<char, kVector>*>(vector.numbers + at);
  return metal::vec<float, kVector>(numbers) * vector.scales[at / abi::kScaleGroup];
}

/// A lane's part of a vector of `dim` elements: in each chunk of 32 kVector elements, kVector neighbours.
template <uint kVector, uint kChunks, typename Vector, typename T>
METAL_FUNC void load_part(Vector vector, uint dim, bool whole, uint lane, thread T* part) {
  MARLIN_UNROLL
  for (uint c = 0; c < kChunks; ++c) {
    const uint at = (c * kSimdWidth + lane) * kVector;
    if (whole) {
      metal::vec<T, kVector> v = metal::vec<T, kVector>(T(0.0f));
      if (at < dim) v = load_vector<kVector>(vector, at);
      MARLIN_UNROLL
      for (uint k = 0; k < kVector; ++k) part[c * kVector + k] = v[k];
    } else {
      MARLIN_UNROLL
      for (uint k = 0; k < kVector; ++k) part[c * kVector + k] = at + k < dim ? vector[at + k] : T(0.0f);
    }
  }
}

}  // namespace marlin
