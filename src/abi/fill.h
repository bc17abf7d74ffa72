// SPDX-License-Identifier: Apache-2.0
// fill_u32: writes `value` n times. Bindings: destination written.
#pragma once

#include <cstdint>

namespace marlin::abi {

struct FillArguments {
  std::uint64_t n;
  std::uint32_t value;
  std::uint32_t reserved;
};
static_assert(sizeof(FillArguments) == 16);

}  // namespace marlin::abi
