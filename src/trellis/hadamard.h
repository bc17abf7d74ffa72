// SPDX-License-Identifier: Apache-2.0
// The 128-point Hadamard transform of EXL3, on consecutive blocks of 128 channels whatever the dimension. Used by
// layer.h, tests and the quantiser. Sylvester order: H[i][j] = (-1)^popcount(i & j). Not normalised: multiply by
// kRsqrt128 once per side (H / sqrt(128) is its own inverse).
#pragma once

#include <cstddef>
#include <span>

namespace marlin {

inline constexpr std::size_t kHadamardSize = 128;

/// 1 / sqrt(128); as a float it equals the constant that other EXL3 engines use.
inline constexpr double kRsqrt128 = 0.08838834764831845;

/// Transforms every block of 128 consecutive values in place, butterflies of distance 1, 2, ... 64 in this order (so a
/// float result is bit-equal to any implementation with the same order). Throws kInvalidArgument when 128 does not
/// divide the size.
void hadamard_128(std::span<double> values);
void hadamard_128(std::span<float> values);

/// The same along the rows of a row-major [n_rows][n_columns] matrix: every column's blocks of 128 are transformed.
/// Throws kInvalidArgument when the matrix has not a multiple of 128 rows of n_columns values.
void hadamard_128_columns(std::span<double> matrix, std::size_t n_columns);

}  // namespace marlin
