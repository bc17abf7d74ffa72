// SPDX-License-Identifier: Apache-2.0
#include "generation/sampler_start.h"

#include "sampling/sampler_state.h"

namespace marlin {

void start_sampler(Device& device, const abi::SampleArguments& arguments, const SamplingOptions& options,
                   std::span<const std::int32_t> prompt, const BufferView& state, PageMemory& room) {
  const std::size_t bytes = sampler_state_bytes(arguments);
  if (room.size() < bytes) room = PageMemory(bytes);
  const std::span<std::byte> made(room.data(), bytes);
  initialise_sampler_state(arguments, options, resolve_seed(options), made);
  observe_prompt(arguments, made, prompt);
  device.upload(state, made);
}

}  // namespace marlin
