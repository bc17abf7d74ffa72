// SPDX-License-Identifier: Apache-2.0
#include <unordered_map>

#include "backends/metal/kernel.h"

namespace marlin::metal {

const MetalKernel* find_kernel(std::string_view name) {
  static const auto* const kByName = [] {
    auto* by_name = new std::unordered_map<std::string_view, const MetalKernel*>;  // lives as long as the program
    for (const auto kernels : {row_kernels(), attention_kernels(), matrix_kernels(), sampling_kernels()}) {
      for (const MetalKernel& kernel : kernels) by_name->emplace(kernel.name, &kernel);
    }
    return by_name;
  }();
  const auto found = kByName->find(name);
  return found == kByName->end() ? nullptr : found->second;
}

}  // namespace marlin::metal
