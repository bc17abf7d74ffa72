// SPDX-License-Identifier: Apache-2.0
#include "tests/ops/test_cache.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "tests/ops/test_matrix.h"
#include "tests/support/near_norm.h"

namespace marlin::test {
namespace {

constexpr std::size_t kGroup = 64;

struct Int8Vector {
  std::vector<std::int8_t> numbers;
  std::vector<float> scales;
};

/// Appends a piece of a vector, from a group of its own on.
void append_piece(std::span<const float> x, Int8Vector& vector, std::vector<double>& values) {
  for (std::size_t first = 0; first < x.size(); first += kGroup) {
    vector.numbers.resize((vector.numbers.size() + kGroup - 1) / kGroup * kGroup);
    const auto group = x.subspan(first, std::min(kGroup, x.size() - first));
    float largest = 0;
    bool finite = true;
    for (const float v : group) {
      largest = std::max(largest, std::fabs(v));
      finite = finite && std::isfinite(v);
    }
    const bool zeros = !finite || largest < 1e-30F;
    const float scale = !finite ? std::numeric_limits<float>::quiet_NaN() : zeros ? 0.0F : largest / 127.0F;
    vector.scales.push_back(scale);
    for (const float v : group) {
      vector.numbers.push_back(zeros ? std::int8_t{0} : static_cast<std::int8_t>(std::nearbyint(v / scale)));
      values.push_back(static_cast<double>(vector.numbers.back()) * static_cast<double>(scale));
    }
  }
}

template <typename T>
void append_bytes(const std::vector<T>& from, std::vector<std::byte>& to) {
  const auto bytes = std::as_bytes(std::span(from));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

Element cache_element(abi::MatrixFormat format) {
  return format == abi::MatrixFormat::kInt8 ? Element::kF32 : element_of(format);
}

StoredVectors store_vectors(std::span<const float> x, std::size_t dim, std::size_t tail_dim, abi::MatrixFormat format) {
  if (format != abi::MatrixFormat::kInt8) return {stored_bytes(x, element_of(format)), to_doubles(x)};
  StoredVectors stored;
  for (std::size_t first = 0; first < x.size(); first += dim) {
    Int8Vector vector;
    append_piece(x.subspan(first, dim - tail_dim), vector, stored.values);
    append_piece(x.subspan(first + dim - tail_dim, tail_dim), vector, stored.values);
    vector.numbers.resize((vector.numbers.size() + 15) / 16 * 16);
    append_bytes(vector.numbers, stored.bytes);
    append_bytes(vector.scales, stored.bytes);
  }
  return stored;
}

}  // namespace marlin::test
