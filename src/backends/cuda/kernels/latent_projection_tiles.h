// SPDX-License-Identifier: Apache-2.0
// The products of latent_projection.cu on tensor cores, for kv_b in f16 or bf16. A block keeps its part of the weights
// of a head in shared memory and takes rows of inputs through it, so that any number of rows meets the same arithmetic.
//
// Inputs are sums of parts that tensor cores take: two of binary16, of a scaled row (split_halves.h), or three of
// bfloat16, which are exact. Each part, of even and of odd steps of 16 inputs, has its own sum, added up at the end:
// shorter chains for the few rows of a decode step.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "abi/matrix.h"
#include "backends/cuda/kernels/async_copy.h"
#include "backends/cuda/kernels/load.h"
#include "backends/cuda/kernels/mma.h"
#include "backends/cuda/kernels/reduce.h"
#include "backends/cuda/kernels/shared_memory.h"
#include "backends/cuda/kernels/split_halves.h"

namespace marlin::cuda {

inline constexpr int kProjectionThreads = 256;

/// The product of one head: y = x W, or x W^T.
struct Projection {
  std::uint32_t n_rows;
  std::uint32_t n_in;
  std::uint32_t n_out;
  const float* x;
  std::uint64_t x_stride;
  float* y;
  std::uint64_t y_stride;
  const std::byte* weights;     // of the head
  std::uint32_t weight_stride;  // in elements
};

/// A row of 16-bit numbers in shared memory, with a gap that puts the same place of eight rows into different banks.
constexpr std::uint32_t shared_row_bytes(std::uint32_t n) { return n * 2 + 16; }

/// kTransposed: rows of weights belong to outputs, else to inputs. kRows: of inputs at a time.
template <abi::MatrixFormat kFormat, bool kTransposed, int kRows, int kOutputs>
class ProjectionTile {
 public:
  static constexpr int kParts = kFormat == abi::MatrixFormat::kF16 ? 2 : 3;
  static constexpr int kRowWarps = kRows / 16;
  static constexpr int kOutputWarps = 4;  // of each kTiles times 8 outputs
  static constexpr int kTiles = kOutputs / kOutputWarps / 8;
  static_assert(kRowWarps * kOutputWarps * 32 <= kProjectionThreads);

  /// Inputs as shared memory holds them: filled up with zeros for two steps of 16 at a time.
  static constexpr std::uint32_t padded_inputs(std::uint32_t n_in) { return (n_in + 31) / 32 * 32; }
  static constexpr std::uint32_t weight_rows(std::uint32_t n_in) {
    return kTransposed ? kOutputs : padded_inputs(n_in);
  }
  static constexpr std::uint32_t weight_columns(std::uint32_t n_in) {
    return kTransposed ? padded_inputs(n_in) : kOutputs;
  }
  static constexpr std::uint32_t weight_bytes(std::uint32_t n_in) {
    return weight_rows(n_in) * shared_row_bytes(weight_columns(n_in));
  }
  static constexpr std::uint32_t shared_bytes(std::uint32_t n_in) {
    return weight_bytes(n_in) + kParts * kRows * shared_row_bytes(padded_inputs(n_in)) + kRows * sizeof(float);
  }

  __device__ ProjectionTile(const Projection& product, std::uint32_t first_output)
      : product_(product),
        first_output_(first_output),
        n_padded_(padded_inputs(product.n_in)),
        part_bytes_(kRows * shared_row_bytes(n_padded_)),
        weights_(dynamic_shared<std::byte>()),
        inputs_(weights_ + weight_bytes(product.n_in)),
        inverses_(reinterpret_cast<float*>(inputs_ + kParts * part_bytes_)) {}

  /// Begins to bring the weights; rows and columns that do not exist are zeros.
  __device__ void load_weights() const {
    const std::uint32_t n_rows = kTransposed ? product_.n_out - min(product_.n_out, first_output_) : product_.n_in;
    const std::uint32_t n_columns = kTransposed ? product_.n_in : product_.n_out - min(product_.n_out, first_output_);
    const std::uint64_t first = kTransposed ? std::uint64_t{first_output_} * product_.weight_stride : first_output_;
    const std::byte* from = product_.weights + first * 2;
    const std::uint32_t chunks = weight_columns(product_.n_in) / 8;
    const bool whole = reinterpret_cast<std::uintptr_t>(from) % 16 == 0 && product_.weight_stride % 8 == 0;
    for (std::uint32_t i = threadIdx.x; i < weight_rows(product_.n_in) * chunks; i += kProjectionThreads) {
      const std::uint32_t row = i / chunks;
      const std::uint32_t column = i % chunks * 8;
      const std::uint32_t n = row < n_rows && column < n_columns ? min(8U, n_columns - column) : 0;
      const std::byte* source = n > 0 ? from + (std::uint64_t{row} * product_.weight_stride + column) * 2 : from;
      std::byte* to = weights_ + row * shared_row_bytes(weight_columns(product_.n_in)) + column * 2;
      if (whole) {
        copy_async16(to, source, n * 2);
      } else {
        copy_elements(to, source, n);
      }
    }
    end_copy_group();
  }

  /// Computes rows first_row .. + kRows.
  __device__ void multiply_rows(std::uint32_t first_row) {
    __syncthreads();  // the rows before are no longer wanted
    load_inputs(first_row);
    wait_for_copies<0>();
    __syncthreads();
    const std::uint32_t warp = warp_index();
    if (warp >= kRowWarps * kOutputWarps) return;
    const std::uint32_t tile_row = warp / kOutputWarps * 16;
    const std::uint32_t column = warp % kOutputWarps * kTiles * 8;
    float sums[kTiles][kParts][2][4] = {};
    for (std::uint32_t input = 0; input < n_padded_; input += 32) multiply_step(sums, tile_row, column, input);
#pragma unroll
    for (int n = 0; n < kTiles; ++n) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const std::uint32_t row = tile_row + half * 8 + lane_index() / 4;
        if (first_row + row >= product_.n_rows) continue;
        const std::uint32_t output = first_output_ + column + n * 8 + lane_index() % 4 * 2;
        float* y = product_.y + (first_row + row) * product_.y_stride + output;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          if (output + i < product_.n_out) y[i] = total(sums[n], half * 2 + i) * inverses_[row];
        }
      }
    }
  }

 private:
  __device__ static void copy_elements(std::byte* to, const std::byte* from, std::uint32_t n) {
#pragma unroll
    for (std::uint32_t i = 0; i < 8; ++i) {
      reinterpret_cast<std::uint16_t*>(to)[i] = static_cast<std::uint16_t>(i < n ? load_u16_bytes(from + i * 2) : 0);
    }
  }

  /// A warp takes a row at a time, as parts; rows that do not exist are zeros.
  __device__ void load_inputs(std::uint32_t first_row) const {
    for (std::uint32_t row = warp_index(); row < kRows; row += kProjectionThreads / 32) {
      const bool exists = first_row + row < product_.n_rows;
      const float* x = product_.x + (exists ? (first_row + row) * product_.x_stride : 0);
      const std::uint32_t n = exists ? product_.n_in : 0;
      float factor = 1.0F;
      float inverse = 1.0F;
      if constexpr (kParts == 2) {
        float largest = 0.0F;
        for (std::uint32_t i = lane_index(); i < n; i += 32) largest = fmaxf(largest, fabsf(x[i]));
        const SplitScale scale = split_scale(warp_max(largest));
        factor = scale.factor;
        inverse = scale.inverse;
      }
      if (lane_index() == 0) inverses_[row] = inverse;
      for (std::uint32_t i = lane_index() * 2; i < n_padded_; i += 64) {
        std::uint32_t parts[kParts];
        split(parts, i < n ? x[i] : 0.0F, i + 1 < n ? x[i + 1] : 0.0F, factor);
#pragma unroll
        for (int p = 0; p < kParts; ++p) *reinterpret_cast<std::uint32_t*>(input_at(p, row, i)) = parts[p];
      }
    }
  }

  __device__ static void split(std::uint32_t (&parts)[kParts], float x, float y, float factor) {
    if constexpr (kParts == 2) {
      const SplitPair pair = split_pair(x, y, factor);
      parts[0] = pair.high;
      parts[1] = pair.low;
    } else {
#pragma unroll
      for (std::uint32_t& part : parts) {
        const std::uint32_t high_x = __float_as_uint(x) & 0xFFFF0000U;
        const std::uint32_t high_y = __float_as_uint(y) & 0xFFFF0000U;
        part = high_x >> 16 | high_y;
        x -= __uint_as_float(high_x);
        y -= __uint_as_float(high_y);
      }
    }
  }

  /// 32 inputs: an even step of 16 and an odd one.
  __device__ void multiply_step(float (&sums)[kTiles][kParts][2][4], std::uint32_t tile_row, std::uint32_t column,
                                std::uint32_t input) const {
    const std::uint32_t lane = lane_index();
    std::uint32_t a[kParts][2][4];
#pragma unroll
    for (int p = 0; p < kParts; ++p) {
#pragma unroll
      for (int step = 0; step < 2; ++step) {
        load_matrices(a[p][step], input_at(p, tile_row + lane % 16, input + step * 16 + lane / 16 * 8));
      }
    }
#pragma unroll
    for (int n = 0; n < kTiles; ++n) {
      std::uint32_t both[4];
      const std::uint32_t output = column + n * 8;
      const std::uint32_t row = kTransposed ? output + lane % 8 : input + lane;
      const std::uint32_t at = kTransposed ? input + lane / 8 * 8 : output;
      load_matrices<!kTransposed>(both, weights_ + row * shared_row_bytes(weight_columns(product_.n_in)) + at * 2);
#pragma unroll
      for (int step = 0; step < 2; ++step) {
        const std::uint32_t b[2] = {both[step * 2], both[step * 2 + 1]};
#pragma unroll
        for (int p = 0; p < kParts; ++p) {
          if constexpr (kFormat == abi::MatrixFormat::kF16) {
            mma_m16n8k16(sums[n][p][step], a[p][step], b);
          } else {
            mma_m16n8k16_bf16(sums[n][p][step], a[p][step], b);
          }
        }
      }
    }
  }

  [[nodiscard]] __device__ static float total(const float (&sums)[kParts][2][4], int i) {
    float result = sums[kParts - 1][0][i] + sums[kParts - 1][1][i];  // the smallest first
#pragma unroll
    for (int p = kParts - 2; p >= 0; --p) result += sums[p][0][i] + sums[p][1][i];
    return result;
  }

  [[nodiscard]] __device__ std::byte* input_at(std::uint32_t part, std::uint32_t row, std::uint32_t i) const {
    return inputs_ + part * part_bytes_ + row * shared_row_bytes(n_padded_) + i * 2;
  }

  Projection product_;
  std::uint32_t first_output_;
  std::uint32_t n_padded_;
  std::uint32_t part_bytes_;
  std::byte* weights_;
  std::byte* inputs_;
  float* inverses_;
};

}  // namespace marlin::cuda
