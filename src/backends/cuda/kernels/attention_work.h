// SPDX-License-Identifier: Apache-2.0
// What an attention kernel has to do, the same for grouped and latent attention: query heads that share the keys of one
// key head. A query is a *pair* of row and head, numbered row by row.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "abi/cache_vector.h"
#include "abi/row_place.h"
#include "backends/cuda/kernels/cache_row.h"

namespace marlin::cuda {

/// Vectors of floats by row and head.
template <typename T>
struct HeadRows {
  T* first;
  std::uint64_t row_stride;
  std::uint64_t head_stride;

  [[nodiscard]] __device__ T* at(std::uint32_t row, std::uint32_t head) const {
    return first + row * row_stride + head * head_stride;
  }
};

/// The keys or the values of one head in the cache: abi/cache_vector.h.
struct CachedVectors {
  const std::byte* first;  // of cache row 0
  std::uint64_t row_bytes;
  std::uint32_t vector_bytes;
  std::uint32_t head_dim;  // without the tail
  std::uint32_t tail_dim;
  std::uint32_t tail_at;  // in numbers
  std::uint32_t n_numbers;

  __device__ CachedVectors(const void* cache, abi::MatrixFormat format, abi::CacheVector vector,
                           std::uint32_t n_vectors, std::uint32_t index)
      : vector_bytes(abi::cache_vector_bytes(format, vector)),
        head_dim(vector.dim - vector.tail_dim),
        tail_dim(vector.tail_dim),
        tail_at(abi::cache_tail_offset(format, vector)),
        n_numbers(abi::cache_numbers(format, vector)) {
    row_bytes = std::uint64_t{vector_bytes} * n_vectors;
    first = static_cast<const std::byte*>(cache) + std::uint64_t{vector_bytes} * index;
  }
};

struct AttentionWork {
  HeadRows<const float> query;
  HeadRows<const float> query_tail;  // for the tail of the keys
  CachedVectors keys;
  CachedVectors values;  // the first part of the keys where those have a tail
  HeadRows<float> out;
  const abi::RowPlace* places;
  const std::uint32_t* blocks;
  std::uint32_t block_shift;
  std::uint32_t n_rows;
  std::uint32_t n_heads;  // that share these keys
  float scale;

  [[nodiscard]] __device__ std::uint32_t n_pairs() const { return n_rows * n_heads; }
};

}  // namespace marlin::cuda
