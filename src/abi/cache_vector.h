// SPDX-License-Identifier: Apache-2.0
// How a row of a key-value cache lies in memory: one or more vectors of `dim` numbers side by side. A vector is the key
// or the value of a head; of latent attention the latent and, as its tail, the rotated key.
//
// f32 and f16: the numbers, without gaps. int8: the numbers, then a scale f32 for every group of kScaleGroup of them; a
// number stands for itself times its scale. Zeros fill the numbers of a vector up to a multiple of kNumberUnit, and
// what is in front of the tail up to a whole group, so that latent and tail, which differ in size, share no scale.
//   scale = largest |x| of the group / 127;  number = x / scale, rounded to nearest even
// A group of numbers all below smallest_group() is zeros; one that holds a NaN or an infinity has scale NaN, and so all
// of it is read as NaN.
#pragma once

#include "abi/matrix.h"

namespace marlin::abi {

struct CacheVector {
  std::uint32_t dim;
  std::uint32_t tail_dim;  // of these the last; 0 where there is no tail
};

enum : std::uint32_t { kScaleGroup = 64, kNumberUnit = 16 };

/// Far above the least number of which a 127th is normal, and far below what matters in a sum.
constexpr float smallest_group() { return 1e-30F; }

constexpr std::uint32_t whole_units(std::uint32_t n, std::uint32_t unit) { return (n + unit - 1) / unit * unit; }

/// Where the tail begins, in numbers.
constexpr std::uint32_t cache_tail_offset(MatrixFormat format, CacheVector vector) {
  const std::uint32_t head = vector.dim - vector.tail_dim;
  return format == MatrixFormat::kInt8 && vector.tail_dim > 0 ? whole_units(head, kScaleGroup) : head;
}

/// The numbers of a vector as stored, gaps included. Of int8 also the byte at which its scales begin.
constexpr std::uint32_t cache_numbers(MatrixFormat format, CacheVector vector) {
  const std::uint32_t n = cache_tail_offset(format, vector) + vector.tail_dim;
  return format == MatrixFormat::kInt8 ? whole_units(n, kNumberUnit) : n;
}

/// From one vector of a row to the next; a multiple of the bytes of what lies in it.
constexpr std::uint32_t cache_vector_bytes(MatrixFormat format, CacheVector vector) {
  const std::uint32_t n = cache_numbers(format, vector);
  if (format == MatrixFormat::kInt8) return n + (n + kScaleGroup - 1) / kScaleGroup * 4;
  return n * (format == MatrixFormat::kF16 ? 2 : 4);
}

}  // namespace marlin::abi
