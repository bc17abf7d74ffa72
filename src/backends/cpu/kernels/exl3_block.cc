// SPDX-License-Identifier: Apache-2.0
// The output side of EXL3 layers on top of the sums of exl3_sums.h.
#include "backends/cpu/kernels/exl3_block.h"

#include <algorithm>

#include "backends/cpu/kernels/exl3_integers.h"
#include "backends/cpu/kernels/exl3_sums.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/kernels/exl3_block.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/cpu/kernels/exl3_tile-inl.h"
#include "backends/cpu/kernels/hadamard-inl.h"
#include "backends/cpu/kernels/sum_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

/// out[16] of one tile column: adds up the four lanes of each output, and `remainder`.
HWY_INLINE void add_lanes(const float* column_sums, float remainder, float* out) {
  const TileFloats d;
  constexpr std::size_t kOutputs = kTileLanes / 4;  // in a vector of sums
  for (std::size_t first = 0; first < 16; first += kTileLanes) {
    hn::Vec<TileFloats> v[4];
    MARLIN_UNROLL
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t output = first + i * kOutputs;
      const std::size_t half = output / 8;
      const std::size_t group = output % 8 / kOutputs;
      v[i] = hn::Load(d, column_sums + (2 * group + half) * kTileLanes);
    }
    hn::StoreU(hn::Add(add_neighbours<4, 2>(v), hn::Set(d, remainder)), d, out + first);
  }
}

/// From the sums of a row to its outputs: (. Hb) o svh.
void finish_row(const float* sums, std::size_t column_stride, float remainder, const std::uint8_t* output_scale,
                float* out) {
  for (std::size_t column = 0; column < kBlockColumns; ++column) {
    add_lanes(sums + column * column_stride, remainder, out + column * 16);
  }
  hadamard128(out);
  const hn::ScalableTag<float> d;
  const auto normalise = hn::Set(d, kHadamardScale);
  for (std::size_t i = 0; i < kHadamardSize; i += hn::Lanes(d)) {
    const auto scale = hn::Mul(load_elements<abi::MatrixFormat::kF16>(d, output_scale + 2 * i), normalise);
    hn::StoreU(hn::Mul(hn::LoadU(d, out + i), scale), d, out + i);
  }
}

void exl3_block_target(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                       std::uint32_t block, float* out, std::byte* scratch) {
  const std::size_t tile_bytes = std::size_t{32} * matrix.bits;
  const TileGrid grid{
      reinterpret_cast<const std::uint8_t*>(matrix.weights) + std::size_t{block} * kBlockColumns * tile_bytes,
      matrix.stored_out / 16 * tile_bytes, matrix.stored_in / kHadamardSize};
  auto* sums = reinterpret_cast<float*>(scratch);
  float* end = sums + n_rows * kRowSums;
  std::fill(sums, end, 0.0F);
  const bool in_integers = matrix.codebook == abi::TrellisCodebook::kMul1;
  const Exl3Sums add_sums = in_integers ? exl3_integer_sums(matrix) : exl3_float_sums(matrix);
  add_sums(grid, x, x_stride, n_rows, sums, reinterpret_cast<std::byte*>(end));
  const auto* output_scale = reinterpret_cast<const std::uint8_t*>(matrix.output_scale) + std::size_t{block} * 256;
  for (std::uint32_t row = 0; row < n_rows; ++row) {
    float remainder = 0.0F;
    for (std::size_t run = 0; in_integers && run < grid.n_runs; ++run) {
      remainder += integer_run_remainder(x + row * x_stride, run);
    }
    finish_row(sums + row * kColumnSums, n_rows * kColumnSums, remainder, output_scale, out + row * kHadamardSize);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace marlin::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "backends/cpu/kernels/matmul_block.h"

namespace marlin::cpu {

static_assert(kMatmulScratchBytes >= kBlockRows * kRowSums * sizeof(float) + exl3_sums_scratch_bytes(kBlockRows));

HWY_EXPORT(exl3_block_target);

void exl3_block(const abi::Matrix& matrix, const float* x, std::size_t x_stride, std::uint32_t n_rows,
                std::uint32_t block, float* out, std::byte* scratch) {
  HWY_DYNAMIC_DISPATCH(exl3_block_target)(matrix, x, x_stride, n_rows, block, out, scratch);
}

}  // namespace marlin::cpu
#endif
