// SPDX-License-Identifier: Apache-2.0
// The next token (sample_f32), one item: the sampler of src/sampling, whose own passes are the vectorised ones.
#include "abi/sample.h"

#include <span>

#include "backends/cpu/kernels/kernels.h"
#include "sampling/token_chooser.h"

namespace marlin::cpu {

std::uint32_t sample_items(const std::byte* /*arguments*/) { return 1; }

void sample(const KernelCall& call, std::uint32_t /*begin*/, std::uint32_t /*end*/) {
  const auto& args = call.arguments<abi::SampleArguments>();
  TokenChooser chooser(args, call.binding<std::byte>(1));
  *call.binding<std::int32_t>(2) = chooser.sample(std::span(call.binding<float>(0), args.vocab_size));
}

}  // namespace marlin::cpu
