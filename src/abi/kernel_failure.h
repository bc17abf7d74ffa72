// SPDX-License-Identifier: Apache-2.0
// What a kernel that cannot return an error leaves behind: one record, cleared before the work and read after it.
// `code` says what went wrong and `details` where; the host makes an error of them. The first failure stays: kernels of
// which one thread alone can fail store it plainly; all others change `code` from kNone by an atomic compare and
// exchange, and fill in the details when that succeeds.
#pragma once

#include <cstdint>

namespace marlin::abi {

enum class KernelFailureCode : std::uint32_t {
  kNone = 0,             // nothing did
  kTokenId = 1,          // embed_f32: a token id outside of the vocabulary; details: row, id
  kNotFinite = 2,        // finite_guard_f32: a NaN or infinity; details: GuardedStage, layer, row, column, its bits
  kNanLogit = 3,         // sample_f32: a logit is NaN; details: token
  kNoLogit = 4,          // sample_f32: no logit is above -infinity; no details
  kNotFiniteScores = 5,  // router_f32: scores of a row are not finite; details: row
};

struct KernelFailure {
  std::uint32_t code;  // a KernelFailureCode
  std::uint32_t details[7];
};
static_assert(sizeof(KernelFailure) == 32, "shared with kernels");

/// Where Metal kernels find it: `device marlin::abi::KernelFailure* failure [[buffer(30)]]`.
enum : std::uint32_t { kKernelFailureIndex = 30 };

}  // namespace marlin::abi
