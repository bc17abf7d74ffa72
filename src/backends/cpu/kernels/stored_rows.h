// SPDX-License-Identifier: Apache-2.0
// Rows of stored numbers (a matrix, a key-value cache) as the products of dot_products-inl.h and weighted_sums-inl.h
// take them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace marlin::cpu {

/// Rows at equal distances.
struct EvenRows {
  const std::uint8_t* first;
  std::size_t bytes;

  const std::uint8_t* operator[](std::size_t i) const { return first + i * bytes; }
  [[nodiscard]] EvenRows from(std::size_t i) const { return {first + i * bytes, bytes}; }
};

/// Rows anywhere.
struct ScatteredRows {
  const std::uint8_t* const* rows;

  const std::uint8_t* operator[](std::size_t i) const { return rows[i]; }
  [[nodiscard]] ScatteredRows from(std::size_t i) const { return {rows + i}; }
};

/// A vector of an 8-bit cache: abi/cache_vector.h.
struct ScaledRow {
  const std::int8_t* numbers;
  const std::uint8_t* scales;  // f32
};

/// Such vectors anywhere, each of n_numbers.
struct ScatteredScaledRows {
  const std::uint8_t* const* rows;
  std::size_t n_numbers;

  ScaledRow operator[](std::size_t i) const {
    return {reinterpret_cast<const std::int8_t*>(rows[i]), rows[i] + n_numbers};
  }
  [[nodiscard]] ScatteredScaledRows from(std::size_t i) const { return {rows + i, n_numbers}; }
};

}  // namespace marlin::cpu
