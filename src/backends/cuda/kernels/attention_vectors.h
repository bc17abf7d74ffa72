// SPDX-License-Identifier: Apache-2.0
// Keys or values of a tile of positions in shared memory, as binary16, from a cache in f16 or int8.
//
// int8: numbers are brought to shared memory as they are and made binary16 when they are wanted. A scale is a power of
// two, which goes into these exactly, times a factor in [1, 2), which stays behind in float for who sums products of
// the group.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "abi/cache_vector.h"
#include "backends/cuda/kernels/async_copy.h"
#include "backends/cuda/kernels/attention_shape.h"
#include "backends/cuda/kernels/attention_work.h"
#include "backends/cuda/kernels/split_halves.h"

namespace marlin::cuda {

/// The positions of a tile. Vectors of those from `end` on become zeros: nothing of theirs is read.
struct TilePositions {
  CacheBlocks blocks;
  std::uint32_t first;
  std::uint32_t end;
};

/// Keys of a tile that are a thread's: eight lanes copy a key, and the same eight unpack it.
inline constexpr int kLaneKeys = static_cast<int>(kKeyTile) / (kAttentionThreads / 8);

__device__ inline std::uint32_t lane_key(int i) { return threadIdx.x / 8 + i * (kAttentionThreads / 8); }

/// The cache rows of these keys. They are looked up a tile ahead, so that no copy waits for the numbers of blocks.
struct LaneRows {
  std::uint64_t row[kLaneKeys];
  bool exists[kLaneKeys];

  __device__ void find(const TilePositions& positions) {
#pragma unroll
    for (int i = 0; i < kLaneKeys; ++i) {
      const std::uint32_t position = positions.first + lane_key(i);
      exists[i] = position < positions.end;
      row[i] = exists[i] ? positions.blocks.row(position) : 0;
    }
  }
};

/// f16: two tiles, by turns; what was copied is what is used.
template <int kHead, int kTail>
class HalfVectors {
 public:
  static constexpr int kDim = kHead + kTail;
  static constexpr int kTileBytes = static_cast<int>(kKeyTile) * kDim * 2;
  static constexpr bool kUnpacks = false;

  static constexpr std::uint32_t shared_bytes(std::uint32_t /*vector_bytes*/) { return 2 * kTileBytes; }

  __device__ HalfVectors(const CachedVectors& vectors, std::byte* shared) : vectors_(vectors), shared_(shared) {}

  /// Begins to copy; ends no group.
  __device__ void begin_copy(const LaneRows& rows, std::uint32_t turn) const {
#pragma unroll
    for (int i = 0; i < kLaneKeys; ++i) {
      const std::byte* vector = vectors_.first + rows.row[i] * vectors_.row_bytes;
      std::byte* to = shared_ + turn * kTileBytes + chunk_offset<kDim>(lane_key(i), threadIdx.x % 8);
      copy_part<kHead>(to, vector, rows.exists[i] ? vectors_.head_dim : 0);
      copy_part<kTail>(to + kHead * 2, vector + vectors_.tail_at * 2, rows.exists[i] ? vectors_.tail_dim : 0);
    }
  }

  __device__ void unpack() const {}
  [[nodiscard]] __device__ const std::byte* tile(std::uint32_t turn) const { return shared_ + turn * kTileBytes; }
  [[nodiscard]] __device__ const float* factors() const { return nullptr; }

 private:
  /// This thread's chunks, every eighth, of one part of a vector.
  template <int kPart>
  __device__ static void copy_part(std::byte* to, const std::byte* from, std::uint32_t dim) {
    const std::uint32_t lane = threadIdx.x % 8;
#pragma unroll
    for (int j = 0; j < kPart / 64; ++j) {
      const std::uint32_t chunk = j * 8 + lane;
      const bool exists = chunk * 8 < dim;
      copy_async16(to + j * 128, exists ? from + chunk * 16 : from, exists ? 16 : 0);
    }
  }

  CachedVectors vectors_;
  std::byte* shared_;
};

/// int8: one tile, the factors of its scales [kDim / 64][kKeyTile], and the stored bytes of the next tile.
template <int kHead, int kTail>
class Int8Vectors {
 public:
  static constexpr int kDim = kHead + kTail;
  static constexpr int kTileBytes = static_cast<int>(kKeyTile) * kDim * 2;
  static constexpr int kFactorBytes = kDim / 64 * static_cast<int>(kKeyTile) * 4;
  static constexpr bool kUnpacks = true;

  /// A vector begins at any multiple of 4, but is copied by 16 bytes.
  static constexpr std::uint32_t stored_stride(std::uint32_t vector_bytes) {
    return abi::whole_units(vector_bytes + 12, 16);
  }
  static constexpr std::uint32_t shared_bytes(std::uint32_t vector_bytes) {
    return kTileBytes + kFactorBytes + kKeyTile * stored_stride(vector_bytes);
  }

  __device__ Int8Vectors(const CachedVectors& vectors, std::byte* shared) : vectors_(vectors), shared_(shared) {}

  __device__ void begin_copy(const LaneRows& rows, std::uint32_t /*turn*/) {
#pragma unroll
    for (int i = 0; i < kLaneKeys; ++i) {
      const std::byte* vector = vectors_.first + rows.row[i] * vectors_.row_bytes;
      shift_[i] = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(vector) % 16);
      const std::byte* from = vector - shift_[i];
      const std::uint32_t n_bytes = shift_[i] + vectors_.vector_bytes;
      std::byte* to = stored(lane_key(i));
      for (std::uint32_t at = threadIdx.x % 8 * 16; at < n_bytes; at += 128) {
        copy_async16(to + at, from + at, rows.exists[i] ? min(16U, n_bytes - at) : 0);
      }
    }
  }

  /// Makes the tile of what was copied. For the eight lanes of a key, the next copy may then begin.
  __device__ void unpack() const {
#pragma unroll
    for (int i = 0; i < kLaneKeys; ++i) {
      const std::uint32_t key = lane_key(i);
      const std::byte* vector = stored(key) + shift_[i];
      unpack_part<kHead>(vector, 0, vectors_.head_dim, key, 0);
      unpack_part<kTail>(vector, vectors_.tail_at, vectors_.tail_dim, key, kHead);
    }
    __syncwarp();
  }

  [[nodiscard]] __device__ const std::byte* tile(std::uint32_t /*turn*/) const { return shared_; }
  [[nodiscard]] __device__ const float* factors() const { return reinterpret_cast<const float*>(shared_ + kTileBytes); }

 private:
  [[nodiscard]] __device__ std::byte* stored(std::uint32_t key) const {
    return shared_ + kTileBytes + kFactorBytes + key * stored_stride(vectors_.vector_bytes);
  }

  /// One part of a vector, of which `dim` numbers from `first` on are stored, to dimension kAt of the tile.
  template <int kPart>
  __device__ void unpack_part(const std::byte* vector, std::uint32_t first, std::uint32_t dim, std::uint32_t key,
                              std::uint32_t at) const {
    const std::uint32_t lane = threadIdx.x % 8;
    auto* factors = reinterpret_cast<float*>(shared_ + kTileBytes);
#pragma unroll
    for (int j = 0; j < kPart / 64; ++j) {
      const std::uint32_t begin = j * 64;
      uint4 chunk = make_uint4(0, 0, 0, 0);
      float factor = 0.0F;
      if (begin < dim) {
        const auto* scales = reinterpret_cast<const float*>(vector + vectors_.n_numbers);
        const std::uint32_t scale = __float_as_uint(scales[(first + begin) / abi::kScaleGroup]);
        const bool is_finite = (scale >> 23 & 255) != 255;
        factor = __uint_as_float(is_finite ? (scale & 0x7FFFFF) | 127U << 23 : scale);
        if (begin + lane * 8 < dim) {
          const float power = is_finite ? __uint_as_float(scale & 255U << 23) : 1.0F;
          const auto* words = reinterpret_cast<const std::uint32_t*>(vector + first + begin + lane * 8);
          const uint2 low = unpack_word(words[0], power);
          const uint2 high = unpack_word(words[1], power);
          chunk = make_uint4(low.x, low.y, high.x, high.y);
        }
      }
      if (lane == 0) factors[(at + begin) / 64 * kKeyTile + key] = factor;
      *reinterpret_cast<uint4*>(shared_ + chunk_offset<kDim>(key, (at + begin) / 8 + lane)) = chunk;
    }
  }

  __device__ static uint2 unpack_word(std::uint32_t word, float power) {
    const auto number = [word, power](int i) {
      return static_cast<float>(static_cast<std::int8_t>(word >> (8 * i))) * power;
    };
    return make_uint2(bits_of(__floats2half2_rn(number(0), number(1))),
                      bits_of(__floats2half2_rn(number(2), number(3))));
  }

  CachedVectors vectors_;
  std::byte* shared_;
  std::uint32_t shift_[kLaneKeys] = {};
};

}  // namespace marlin::cuda
