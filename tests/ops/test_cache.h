// SPDX-License-Identifier: Apache-2.0
// What a key-value cache holds, made by the words of abi/cache_vector.h and without its functions: bytes for kernels,
// and the numbers they stand for.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "abi/matrix.h"
#include "tests/support/random_tensor.h"

namespace marlin::test {

/// In which numbers are made for a cache: those of f16 and f32 are to be exact there.
Element cache_element(abi::MatrixFormat format);

struct StoredVectors {
  std::vector<std::byte> bytes;  ///< vector after vector
  std::vector<double> values;    ///< as read from there, gaps left out
};

/// x: vectors of `dim` numbers, the last tail_dim of which share no scale with the others.
StoredVectors store_vectors(std::span<const float> x, std::size_t dim, std::size_t tail_dim, abi::MatrixFormat format);

}  // namespace marlin::test
