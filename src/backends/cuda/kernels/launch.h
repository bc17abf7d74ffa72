// SPDX-License-Identifier: Apache-2.0
// For the functions that make a Launch of a kernel's arguments.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cuda/kernel.h"

namespace marlin::cuda {

template <typename Arguments>
const Arguments& as(const std::byte* arguments) {
  return *reinterpret_cast<const Arguments*>(arguments);
}

constexpr std::uint32_t ceil_div(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint32_t>((a + b - 1) / b);
}

}  // namespace marlin::cuda
