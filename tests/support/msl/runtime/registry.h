// SPDX-License-Identifier: Apache-2.0
// The kernels linked into this program, by host name: each translated file adds its own before main().
#pragma once

#include <string>
#include <string_view>

#include "include/kernel_interface.h"

namespace msl {

class Kernel {
 public:
  std::string name;
  const KernelEntry* checked = nullptr;
  const KernelEntry* fast = nullptr;
  std::string duplicate;  // not empty: two files define this name; says which

  /// The one to ask for parameters.
  [[nodiscard]] const KernelEntry& entry() const { return checked != nullptr ? *checked : *fast; }
};

}  // namespace msl
