// SPDX-License-Identifier: Apache-2.0
// What a kernel is on the cuda backend: a name, and how its arguments become a launch. The kernels lie in kernels/, and
// each .cu file there ends with its rows of the table.
//
// Every __global__ function takes one parameter, a KernelCall (kernels/kernel_call.h), so that a launch is plain data:
// it can be recorded, compared with an earlier one, and replayed as a node of a graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "backends/cuda/kernels/kernel_call.h"

namespace marlin::cuda {

/// Thread blocks of a launch; none if one of them is 0.
struct Grid {
  std::uint32_t x = 0;
  std::uint32_t y = 1;
  std::uint32_t z = 1;

  [[nodiscard]] std::uint64_t count() const { return std::uint64_t{x} * y * z; }
};

struct Launch {
  void (*function)(KernelCall) = nullptr;  // a __global__ function
  Grid grid;
  std::uint32_t n_threads = 0;      // of a block; a multiple of 32
  std::uint32_t shared_bytes = 0;   // dynamic shared memory of a block
  std::uint64_t scratch_bytes = 0;  // KernelCall::scratch
  std::uint32_t n_counters = 0;     // KernelCall::counters
};

/// What launches are fitted to.
struct GpuLimits {
  std::uint32_t n_multiprocessors = 1;
  std::uint32_t max_shared_bytes = 48 * 1024;  // of a block, opted in
  std::uint32_t compute_capability = 80;       // 10 major + minor
};

/// Of the operands of attention, which are read by vectors and by asynchronous copies.
inline constexpr std::size_t kAttentionAlignment = 16;

struct CudaKernel {
  std::string_view name;
  std::size_t argument_bytes;
  std::size_t n_bindings;
  Launch (*launch)(const std::byte* arguments, const GpuLimits& gpu);
  bool can_fail = false;               // whether it touches KernelCall::failure
  std::uint32_t aligned_bindings = 0;  // a bit for each whose address must be a multiple of kAttentionAlignment
};

/// All kernels of this backend, by file of kernels/.
std::span<const CudaKernel> row_kernels();
std::span<const CudaKernel> router_kernels();
std::span<const CudaKernel> sampling_kernels();
std::span<const CudaKernel> attention_kernels();
std::span<const CudaKernel> latent_projection_kernels();
std::span<const CudaKernel> matmul_kernels();
std::span<const CudaKernel> moe_kernels();

/// The kernel of that name, or null.
const CudaKernel* find_kernel(std::string_view name);

}  // namespace marlin::cuda
