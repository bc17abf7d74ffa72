// SPDX-License-Identifier: Apache-2.0
// Prints what this GPU allows every kernel, beside what the kernel table asks for; fails when a kernel gets fewer
// threads than it wants. tools/mac-check.sh records it.
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/metal/api.h"
#include "backends/metal/kernel.h"
#include "backends/metal/metal_context.h"

int main() {
  using namespace marlin;
  try {
    const objc::AutoreleasePool pool;
    metal::MetalContext context;
    bool fewer = false;
    fmt::print("{}\n{:<30} {:>7} {:>7} {:>18}\n", metal::api::device::name(context.device.get()), "kernel", "wanted",
               "allowed", "threadgroup bytes");
    for (const auto kernels :
         {metal::row_kernels(), metal::attention_kernels(), metal::matrix_kernels(), metal::sampling_kernels()}) {
      for (const metal::MetalKernel& kernel : kernels) {
        const std::vector<std::uint32_t> words(kernel.argument_bytes / sizeof(std::uint32_t), 1);  // sizes that can be
        const auto* arguments = reinterpret_cast<const std::byte*>(words.data());
        const metal::FunctionConstants constants =
            kernel.constants == nullptr ? metal::FunctionConstants{} : kernel.constants(arguments);
        const objc::Id pipeline = context.pipelines.find(kernel, constants).state.get();
        const auto allowed = metal::api::pipeline::max_threads(pipeline);
        fewer = fewer || allowed < kernel.n_threads;
        fmt::print("{:<30} {:>7} {:>7} {:>18}{}\n", kernel.name, kernel.n_threads, allowed,
                   metal::api::pipeline::threadgroup_memory(pipeline), allowed < kernel.n_threads ? "  fewer" : "");
      }
    }
    return fewer ? 1 : 0;
  } catch (const Error& error) {
    fmt::print(stderr, "pipeline_limits: {}\n", error.what());
    return 2;
  }
}
