// SPDX-License-Identifier: Apache-2.0
#include <unordered_map>

#include "backends/cuda/kernel.h"

namespace marlin::cuda {

const CudaKernel* find_kernel(std::string_view name) {
  static const auto* const kByName = [] {
    auto* by_name = new std::unordered_map<std::string_view, const CudaKernel*>;  // lives as long as the program
    for (const auto kernels : {row_kernels(), router_kernels(), sampling_kernels(), attention_kernels(),
                               latent_projection_kernels(), matmul_kernels(), moe_kernels()}) {
      for (const CudaKernel& kernel : kernels) by_name->emplace(kernel.name, &kernel);
    }
    return by_name;
  }();
  const auto found = kByName->find(name);
  return found == kByName->end() ? nullptr : found->second;
}

}  // namespace marlin::cuda
