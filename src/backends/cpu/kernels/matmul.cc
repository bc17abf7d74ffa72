// SPDX-License-Identifier: Apache-2.0
// matmul_<variant>_f32: an item is a block of 128 outputs for all rows, a tile of rows after the other; of large_batch
// a block for one tile of rows.
#include "abi/matmul.h"

#include <algorithm>

#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/matmul_block.h"

namespace marlin::cpu {
namespace {

template <abi::KernelVariant kVariant>
constexpr std::uint32_t kTileRows = abi::variant_row_tile(kVariant);
static_assert(kTileRows<abi::KernelVariant::kLargeBatch> <= kBlockRows);

std::uint32_t output_blocks(const abi::MatmulArguments& args) {
  return (args.matrix.n_out + kBlockOutputs - 1) / kBlockOutputs;
}

/// Rows row .. + n_rows of y, block `block` of the outputs.
void matmul_tile(const KernelCall& call, std::uint32_t row, std::uint32_t n_rows, std::uint32_t block) {
  const auto& args = call.arguments<abi::MatmulArguments>();
  const float* x = call.binding<const float>(0) + std::size_t{row} * args.in_stride;
  auto* out = call.scratch<float>();
  auto* scratch = reinterpret_cast<std::byte*>(out + kBlockRows * kBlockOutputs);
  matmul_block(args.matrix, x, args.in_stride, n_rows, block, out, scratch);

  const std::uint32_t first = block * kBlockOutputs;
  const std::uint32_t n_outputs = std::min(kBlockOutputs, args.matrix.n_out - first);
  for (std::uint32_t i = 0; i < n_rows; ++i) {
    const float* source = out + std::size_t{i} * kBlockOutputs;
    float* target = call.binding<float>(1) + std::size_t{row + i} * args.out_stride + first;
    if (args.accumulate != 0) {
      for (std::uint32_t k = 0; k < n_outputs; ++k) target[k] += source[k];
    } else {
      std::copy(source, source + n_outputs, target);
    }
  }
}

}  // namespace

template <abi::KernelVariant kVariant>
std::uint32_t matmul_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::MatmulArguments*>(arguments);
  const std::uint32_t n_tiles = (args.n_rows + kTileRows<kVariant> - 1) / kTileRows<kVariant>;
  return output_blocks(args) * (kVariant == abi::KernelVariant::kLargeBatch ? n_tiles : std::min(n_tiles, 1U));
}

template <abi::KernelVariant kVariant>
void matmul(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::MatmulArguments>();
  const std::uint32_t n_blocks = output_blocks(args);
  for (std::uint32_t item = begin; item < end; ++item) {
    std::uint32_t row = item / n_blocks * kTileRows<kVariant>;
    const std::uint32_t last =
        kVariant == abi::KernelVariant::kLargeBatch ? std::min(args.n_rows, row + kTileRows<kVariant>) : args.n_rows;
    for (; row < last; row += kTileRows<kVariant>) {
      matmul_tile(call, row, std::min(kTileRows<kVariant>, last - row), item % n_blocks);
    }
  }
}

MARLIN_CPU_INSTANTIATE_VARIANTS(matmul);

}  // namespace marlin::cpu
