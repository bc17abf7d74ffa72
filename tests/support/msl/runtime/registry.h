// SPDX-License-Identifier: Apache-2.0
// Kernels by host name: those linked into this program, where each translated file adds its own before main(), or those
// of one object loaded at run time (kernel_library.h).
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

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

class KernelTable {
 public:
  void add(const KernelEntry& entry);
  [[nodiscard]] const Kernel* find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::map<std::string, Kernel, std::less<>> kernels_;
  std::deque<KernelEntry> entries_;  // addresses stay
};

}  // namespace msl
