// SPDX-License-Identifier: Apache-2.0
// matmul_f32: an item is a block of 128 outputs for all rows.
#include "abi/matmul.h"

#include <algorithm>

#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/kernels/matmul_block.h"

namespace marlin::cpu {

std::uint32_t matmul_items(const std::byte* arguments) {
  const auto& args = *reinterpret_cast<const abi::MatmulArguments*>(arguments);
  return args.n_rows == 0 ? 0 : (args.matrix.n_out + kBlockOutputs - 1) / kBlockOutputs;
}

void matmul(const KernelCall& call, std::uint32_t begin, std::uint32_t end) {
  const auto& args = call.arguments<abi::MatmulArguments>();
  const auto* x = call.binding<const float>(0);
  auto* y = call.binding<float>(1);
  auto* out = call.scratch<float>();
  auto* scratch = reinterpret_cast<std::byte*>(out + kBlockRows * kBlockOutputs);
  for (std::uint32_t block = begin; block < end; ++block) {
    const std::uint32_t first = block * kBlockOutputs;
    const std::uint32_t n_outputs = std::min(kBlockOutputs, args.matrix.n_out - first);
    for (std::uint32_t row = 0; row < args.n_rows; row += kBlockRows) {
      const std::uint32_t n_rows = std::min(kBlockRows, args.n_rows - row);
      matmul_block(args.matrix, x + std::size_t{row} * args.in_stride, args.in_stride, n_rows, block, out, scratch);
      for (std::uint32_t i = 0; i < n_rows; ++i) {
        const float* source = out + std::size_t{i} * kBlockOutputs;
        float* target = y + std::size_t{row + i} * args.out_stride + first;
        if (args.accumulate != 0) {
          for (std::uint32_t k = 0; k < n_outputs; ++k) target[k] += source[k];
        } else {
          std::copy(source, source + n_outputs, target);
        }
      }
    }
  }
}

}  // namespace marlin::cpu
