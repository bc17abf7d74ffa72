// SPDX-License-Identifier: Apache-2.0
// What a kernel is on the metal backend: a function of a .metal file of kernels/, and how its arguments become a grid.
//
// Every kernel binds the same way: buffer 0 is its argument struct of src/abi, its bindings follow in the order which
// that header names, and buffer 30 is an abi::KernelFailure if it can fail (abi/kernel_failure.h: what its codes mean).
// A threadgroup has `n_threads` threads, or fewer where the pipeline allows no more, always a multiple of
// kSimdgroupWidth: kernels ask for the number.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace marlin::metal {

inline constexpr std::uint32_t kSimdgroupWidth = 32;

/// Threadgroups of a dispatch; none if one of them is 0.
struct Grid {
  std::uint32_t x = 0;
  std::uint32_t y = 1;
  std::uint32_t z = 1;

  [[nodiscard]] std::uint64_t count() const { return std::uint64_t{x} * y * z; }
};

/// Values of the function constants 0 .. n - 1 of a kernel, all `uint`. A pipeline is made for each set of them.
struct FunctionConstants {
  std::array<std::uint32_t, 4> values{};
  std::uint32_t n = 0;

  friend bool operator==(const FunctionConstants&, const FunctionConstants&) = default;
};

struct MetalKernel {
  std::string_view name;
  std::string_view file;  // of kernels/, without .metal
  std::size_t argument_bytes;
  std::size_t n_bindings;
  std::uint32_t n_threads;  // wanted in a threadgroup
  /// What these arguments need, given the threads that a threadgroup gets.
  Grid (*grid)(const std::byte* arguments, std::uint32_t n_threads);
  bool can_fail = false;
  /// Null: the kernel has no function constants.
  FunctionConstants (*constants)(const std::byte* arguments) = nullptr;
};

/// All kernels of this backend, by file of the table.
std::span<const MetalKernel> row_kernels();
std::span<const MetalKernel> attention_kernels();
std::span<const MetalKernel> matrix_kernels();
std::span<const MetalKernel> sampling_kernels();

/// The kernel of that name, or null.
const MetalKernel* find_kernel(std::string_view name);

}  // namespace marlin::metal
