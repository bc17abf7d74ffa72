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

}  // namespace marlin::cpu
