// SPDX-License-Identifier: Apache-2.0
// What a kernel is on the cpu backend: a function over a range of independent work items, and how many items its
// arguments make. The kernels lie in kernels/, one file per abi header, and are listed in kernel_table.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace marlin::cpu {

/// Scratch memory of each thread, for one call of a kernel.
inline constexpr std::size_t kScratchBytes = 512 * 1024;

/// What a running kernel sees: its argument struct, its bindings as pointers in order, and scratch of its thread.
class KernelCall {
 public:
  KernelCall(const std::byte* arguments, std::byte* const* bindings, std::byte* scratch)
      : arguments_(arguments), bindings_(bindings), scratch_(scratch) {}

  template <typename Arguments>
  [[nodiscard]] const Arguments& arguments() const {
    return *reinterpret_cast<const Arguments*>(arguments_);
  }

  template <typename T>
  [[nodiscard]] T* binding(std::size_t index) const {
    return reinterpret_cast<T*>(bindings_[index]);
  }

  /// 64-byte aligned, kScratchBytes long, contents undefined.
  template <typename T>
  [[nodiscard]] T* scratch() const {
    return reinterpret_cast<T*>(scratch_);
  }

 private:
  const std::byte* arguments_;
  std::byte* const* bindings_;
  std::byte* scratch_;
};

struct CpuKernel {
  std::string_view name;
  std::size_t argument_bytes;
  std::size_t n_bindings;
  /// Independent items these arguments make; they may run in any order, on any thread.
  std::uint32_t (*work_items)(const std::byte* arguments);
  void (*run)(const KernelCall& call, std::uint32_t begin, std::uint32_t end);
};

/// All kernels of this backend.
std::span<const CpuKernel> kernel_table();

}  // namespace marlin::cpu
