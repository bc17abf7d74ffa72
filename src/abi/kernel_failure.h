// SPDX-License-Identifier: Apache-2.0
// What a kernel that cannot return an error leaves behind: one record, cleared before the work and read after it.
// Kernels of which one thread alone can fail store it plainly; all others change `code` from kNone by an atomic compare
// and exchange, and fill in the details when that succeeds.
#pragma once

#include <cstdint>

namespace marlin::abi {

enum class KernelFailureCode : std::uint32_t {
  kNone = 0,
  kTokenId = 1,          // a token id outside of the vocabulary; details: row, id
  kNotFinite = 2,        // a value that is not finite; details: stage, layer, row, column, bits of the value
  kNanLogit = 3,         // details: token
  kNoLogit = 4,          // no logit is above -infinity
  kNotFiniteScores = 5,  // of a router; details: row
};

struct KernelFailure {
  std::uint32_t code;  // a KernelFailureCode
  std::uint32_t details[7];
};
static_assert(sizeof(KernelFailure) == 32, "shared with kernels");

/// Where Metal kernels find it: `device marlin::abi::KernelFailure* failure [[buffer(30)]]`.
enum : std::uint32_t { kKernelFailureIndex = 30 };

}  // namespace marlin::abi
