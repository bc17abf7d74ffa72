// SPDX-License-Identifier: Apache-2.0
// The one parameter of every kernel of the cuda backend. The host fills it in; a kernel asks it for its argument struct
// of src/abi and for its bindings, in the order that header names. Included by the host's C++ and by CUDA C++.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/kernel_failure.h"

#if defined(__CUDACC__)
#define MARLIN_HOST_DEVICE __host__ __device__
#else
#define MARLIN_HOST_DEVICE
#endif

namespace marlin::cuda {

inline constexpr std::size_t kMaxArgumentBytes = 96;
inline constexpr std::size_t kMaxBindings = 8;

struct KernelCall {
  alignas(16) std::byte arguments_[kMaxArgumentBytes];
  void* bindings_[kMaxBindings];
  abi::KernelFailure* failure;  // see abi/kernel_failure.h; null if the kernel cannot fail
  std::byte* scratch;           // 256-byte aligned memory of this launch alone, contents undefined
  std::uint32_t* counters;      // of this launch alone; 0 before it, and left 0 by it
  std::uint64_t reserved;       // in place of padding: calls are compared as bytes

  template <typename Arguments>
  [[nodiscard]] MARLIN_HOST_DEVICE const Arguments& arguments() const {
    static_assert(sizeof(Arguments) <= kMaxArgumentBytes);
    return *reinterpret_cast<const Arguments*>(arguments_);
  }

  template <typename T>
  [[nodiscard]] MARLIN_HOST_DEVICE T* binding(std::size_t index) const {
    return static_cast<T*>(bindings_[index]);
  }
};

}  // namespace marlin::cuda
