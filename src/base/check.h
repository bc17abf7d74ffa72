// SPDX-License-Identifier: Apache-2.0
// MARLIN_CHECK for our own bugs; without the formatting of base/error.h, which not every compiler reads (nvcc).
#pragma once

namespace marlin::internal {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace marlin::internal

/// Checks an invariant of our own code, in every build; throws Error(kInternal).
#define MARLIN_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::marlin::internal::check_failed(#condition, __FILE__, __LINE__))
