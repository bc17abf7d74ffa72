// SPDX-License-Identifier: Apache-2.0
// How the library raises marlin::Error: fail() for what a user or a file did, MARLIN_CHECK for our own bugs.
#pragma once

#include <fmt/format.h>

#include <utility>

#include "metal_marlin/error.h"

namespace marlin {

/// Throws Error(code) with a message made as by fmt::format.
template <typename... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

namespace internal {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace internal

}  // namespace marlin

/// Checks an invariant of our own code, in every build; throws Error(kInternal).
#define MARLIN_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::marlin::internal::check_failed(#condition, __FILE__, __LINE__))
