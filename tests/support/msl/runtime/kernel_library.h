// SPDX-License-Identifier: Apache-2.0
// Kernels loaded at run time from a shared object (objects of mslcc.py, linked with seam/seam.cc). Each object keeps
// its own names: two of them may hold kernels of the same one, and neither meets find_kernel's. Used by softmetal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/msl.h"

namespace msl {

class KernelLibrary;

/// Loads the object at `path`, for good: its kernels live as long as the program. Null on failure, and why in `error`.
[[nodiscard]] const KernelLibrary* load_kernel_library(const std::string& path, std::string& error);

[[nodiscard]] const Kernel* find_kernel(const KernelLibrary& library, std::string_view name);
[[nodiscard]] std::vector<std::string> kernel_names(const KernelLibrary& library);

}  // namespace msl
