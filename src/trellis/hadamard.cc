// SPDX-License-Identifier: Apache-2.0
// In-place butterflies. The column form walks whole rows, so that memory is read in order.
#include "trellis/hadamard.h"

#include "base/error.h"

namespace marlin {
namespace {

// One element of the transform is `width` neighbouring values, transformed independently.
template <typename T>
void transform_block(T* block, std::size_t width) {
  for (std::size_t distance = 1; distance < kHadamardSize; distance *= 2) {
    for (std::size_t i = 0; i < kHadamardSize; ++i) {
      if ((i & distance) != 0) continue;
      T* low = block + i * width;
      T* high = low + distance * width;
      for (std::size_t c = 0; c < width; ++c) {
        const T a = low[c];
        const T b = high[c];
        low[c] = a + b;
        high[c] = a - b;
      }
    }
  }
}

template <typename T>
void transform(std::span<T> values, std::size_t width) {
  if (width == 0 || values.size() % (kHadamardSize * width) != 0) {
    fail(ErrorCode::kInvalidArgument, "a Hadamard transform needs blocks of {} x {} values, {} do not divide into them",
         kHadamardSize, width, values.size());
  }
  for (std::size_t i = 0; i < values.size(); i += kHadamardSize * width) transform_block(values.data() + i, width);
}

}  // namespace

void hadamard_128(std::span<double> values) { transform(values, 1); }
void hadamard_128(std::span<float> values) { transform(values, 1); }
void hadamard_128_columns(std::span<double> matrix, std::size_t n_columns) { transform(matrix, n_columns); }

}  // namespace marlin
