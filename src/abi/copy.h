// SPDX-License-Identifier: Apache-2.0
// copy_f32: copies n floats. Bindings: source read; destination written.
#pragma once

#include <cstdint>

namespace marlin::abi {

struct CopyArguments {
  std::uint64_t n;
};
static_assert(sizeof(CopyArguments) == 8);

}  // namespace marlin::abi
