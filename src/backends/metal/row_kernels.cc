// SPDX-License-Identifier: Apache-2.0
// Kernels that work on rows and on memory: kernels/rows.metal, kernels/router.metal.
#include <array>

#include "abi/copy.h"
#include "backends/metal/kernel.h"

namespace marlin::metal {
namespace {

Grid copy_grid(const std::byte* arguments, std::uint32_t n_threads) {
  const auto& args = *reinterpret_cast<const abi::CopyArguments*>(arguments);
  return {static_cast<std::uint32_t>((args.n + n_threads - 1) / n_threads)};
}

constexpr std::array kKernels = {
    MetalKernel{"copy_f32", "rows", sizeof(abi::CopyArguments), 2, 256, copy_grid},
};

}  // namespace

std::span<const MetalKernel> row_kernels() { return kKernels; }

}  // namespace marlin::metal
