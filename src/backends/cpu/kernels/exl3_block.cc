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

HWY_BEFORE_NAMESPACE();
namespace marlin::cpu {
namespace HWY_NAMESPACE {

/// Adds up the four lanes of each output and `remainder`, then the output side of the layer: (. Hb) o svh.
void finish_row(const float* sums, std::size_t column_stride, float remainder, const std::uint8_t* output_scale,
                float* out) {
  for (std::size_t column = 0; column < kBlockColumns; ++column) {
    const float* column_sums = sums + column * column_stride;
    for (std::size_t quad = 0; quad < kColumnSums / 4; ++quad) {
      const std::size_t group = quad * 4 / (2 * kTileLanes);
      const std::size_t half = quad * 4 / kTileLanes % 2;
      const std::size_t output = group * (kTileLanes / 4) + quad % (kTileLanes / 4) + 8 * half;
      const float* lanes = column_sums + 4 * quad;
      out[column * 16 + output] = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + remainder;
    }
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
      remainder += load_integer_run(x + row * x_stride, run).remainder;
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
