// SPDX-License-Identifier: Apache-2.0
// The choice of the next token: kernels/sample.metal.
#include <array>

#include "abi/sample.h"
#include "backends/metal/kernel.h"

namespace marlin::metal {
namespace {

Grid one_threadgroup(const std::byte* /*arguments*/, std::uint32_t /*n_threads*/) { return {1}; }

constexpr std::array kKernels = {
    MetalKernel{"sample_f32", "sample", sizeof(abi::SampleArguments), 3, 1024, one_threadgroup, true},
};

}  // namespace

std::span<const MetalKernel> sampling_kernels() { return kKernels; }

}  // namespace marlin::metal
