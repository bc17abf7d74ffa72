// SPDX-License-Identifier: Apache-2.0
// The state operand of the sample operation under test: guarded, and NaN wherever initialisation leaves it alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sampling/sampler_state.h"
#include "tests/ops/device_tensor.h"

namespace marlin::test {

class SampleState {
 public:
  SampleState(Device& device, const abi::SampleArguments& arguments, const SamplingOptions& options,
              std::span<const std::int32_t> prompt)
      : lines_(device, arguments.state_bytes / sizeof(Line)) {
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span(lines_.data(), lines_.size()));
    initialise_sampler_state(arguments, options, resolve_seed(options), bytes);
    observe_prompt(arguments, bytes, prompt);
  }

  [[nodiscard]] BufferView view() const { return lines_.view(); }

 private:
  struct alignas(abi::kSampleStateAlignment) Line {
    std::array<std::byte, abi::kSampleStateAlignment> bytes;
  };

  DeviceTensor<Line> lines_;
};

}  // namespace marlin::test
